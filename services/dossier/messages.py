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
    "code_date_differs": "Ngày trong mã hồ sơ khác ngày tiếp nhận",
    "not_done_as_said": "Báo đã xử lý xong nhưng nội dung cho thấy còn chờ hoặc đã dừng",
    "result_is_input": "Tệp kết quả chính là tệp người dân nộp: không tính là kết quả điện tử",
    "dummy_identity": "Số giấy tờ tùy thân là số giả; số này không được lưu",
    "channel_missing": "Không rõ kênh nộp hồ sơ: tính là trực tiếp",
    "time_not_said": "Thay đổi không kèm thời điểm: tính từ lúc nhận được thông báo",
}
