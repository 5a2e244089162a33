"""Vietnamese wording of what people see about obligations; names of parties live in deploy/rules/obligations.yaml."""

WEEKDAYS = ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật")
NONWORKING = "{day} là {why}, văn bản không nói dời hạn"
MOVED = "{day} là {why}, hạn chuyển sang {to}"
BEFORE_CLOSING = "hạn {day} trước ngày chốt số liệu {end}"
NO_DATE = "chưa có ngày: {stated}"
UNSTATED = "văn bản không nêu"
ASSUMED = "giả định"
UNWATCHED = "đến hạn trước khi hệ thống theo dõi"
