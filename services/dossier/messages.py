"""Vietnamese labels of what the dossier service shows to people; code stays English."""

STATUS = {
    "submitted": "Mới đăng ký",
    "received": "Được tiếp nhận",
    "refused": "Không được tiếp nhận",
    "processing": "Đang xử lý",
    "supplement_requested": "Yêu cầu bổ sung giấy tờ",
    "payment_requested": "Yêu cầu thực hiện nghĩa vụ tài chính",
    "supplemented": "Đã bổ sung hồ sơ",
    "withdrawn": "Công dân yêu cầu rút hồ sơ",
    "stopped": "Dừng xử lý",
    "returned": "Trả lại không giải quyết",
    "completed": "Đã xử lý xong",
    "handed_over": "Đã trả kết quả",
}

FINDING = {
    "reopened": "Hồ sơ được mở lại sau khi kết thúc",
    "progress_before_reception": "Có tiến độ trước khi tiếp nhận",
    "backward_move": "Trạng thái đi lùi",
    "answer_without_pause": "Bổ sung khi không tạm dừng",
    "no_due_date": "Không có ngày hẹn trả",
    "finished_before_received": "Kết thúc trước khi tiếp nhận",
    "field_missing": "Chưa rõ lĩnh vực",
    "procedure_missing": "Chưa rõ thủ tục",
}
