"""Vietnamese wording that the service itself adds to alerts; each alert's text is a template in deploy/rules/alerts."""

BUNDLE = "{title} và {more} cảnh báo khác"
TRACE = "Mã theo dõi: {correlation}"

STATUS = {"pending": "chờ gửi", "sent": "đã gửi", "failed": "không gửi được", "suppressed": "không gửi"}
