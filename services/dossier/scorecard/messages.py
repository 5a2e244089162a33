"""Vietnamese labels of the scorecard; code stays English."""

CARD = {
    "accepted": "Nhận",
    "duplicate": "Trùng",
    "rejected": "Từ chối",
    "out_of_order": "Sai thứ tự",
    "delay_p50": "Trễ (trung vị)",
    "delay_p95": "Trễ (95 %)",
    "missing_facts": "Thiếu thông tin",
    "reopened": "Mở lại",
    "backward": "Đi lùi",
    "code_date_differs": "Mã khác ngày tiếp nhận",
    "id_gaps": "Khuyết số bản tin",
    "code_gaps": "Khuyết số hồ sơ",
    "longest_silence": "Im lặng (phút)",
}

STANDING = {"live": "Đang nghe", "silent": "Im lặng", "file": "Tệp"}
