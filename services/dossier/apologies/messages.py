"""Vietnamese labels of an apology's states, and the fixed words of its letter; the letter's sentences are rule files."""

STANDING = {
    "opened": "Chưa có văn bản xin lỗi",
    "drafted": "Đã dự thảo",
    "issued": "Đã ban hành",
    "sent": "Đã gửi",
    "published": "Đã công khai",
    "withdrawn": "Không còn quá hạn",
}
FORM_MARK = "Mẫu số {form} (Thông tư số {circular})"
DRAFT_MARK = "DỰ THẢO · {form_mark}"
BLANK = "…" * 16
NO_NUMBER = "        "
NO_DATE = "{place}, ngày      tháng      năm {year}"
MOMENT = "{hour:02d} giờ {minute:02d} phút, ngày {day:02d}/{month:02d}/{year}"
PROCEDURE = "{name} (mã thủ tục {code})"
NOT_SAID = "không có thông tin"
