"""Vietnamese texts about petitions; code stays English."""

STATUS = {
    "unknown": "Chưa rõ",
    "received": "Đã tiếp nhận",
    "rejected": "Từ chối tiếp nhận",
    "classified": "Đã phân loại",
    "transferred": "Đã chuyển cơ quan xử lý",
    "processing": "Đang xử lý",
    "answered": "Đã trả lời",
    "published": "Đã công khai kết quả",
    "satisfied": "Người gửi hài lòng",
    "dissatisfied": "Người gửi không hài lòng",
    "reopened": "Người gửi phản ánh lại",
}

FINDING = {
    "agency_missing": "Đã chuyển nhưng chưa rõ cơ quan xử lý",
    "backward_move": "Có tiến độ sau khi đã trả lời hoặc từ chối",
    "class_missing": "Đã trả lời nhưng chưa phân loại",
    "complained_while_open": "Phản ánh lại khi chưa có trả lời",
    "no_rule_in_force": "Không có quy định thời hạn vào ngày tiếp nhận",
    "progress_before_reception": "Có tiến độ trước khi tiếp nhận",
    "published_without_answer": "Công khai khi chưa có trả lời",
    "rated_before_answer": "Đánh giá khi chưa có trả lời",
    "reason_missing": "Từ chối nhưng không nêu lý do",
    "settled_before_received": "Trả lời hoặc từ chối trước khi tiếp nhận",
    "settled_twice": "Trả lời hoặc từ chối nhiều lần",
}
