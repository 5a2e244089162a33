"""Vietnamese wording of the documents that the reporting service writes; headings of forms live in deploy/rules/forms."""

TOTAL = "Tổng số"
FORM_NUMBER = "Biểu số {form}/VPCP/KSTT"
REPORTING_UNIT = "Đơn vị báo cáo: {unit}"
RECEIVING_UNIT = "Đơn vị nhận báo cáo: {receiver}"
PERIOD = "Kỳ báo cáo: {title} (Từ ngày {begin} đến ngày {end})"
MEASURED_IN = "Đơn vị tính: Số hồ sơ TTHC"
QUARTER = "Quý {quarter}/{year}"
SIX_MONTHS = "6 tháng đầu năm {year}"
NINE_MONTHS = "9 tháng đầu năm {year}"
YEAR = "Năm {year}"
AD_HOC = "đột xuất"
REPORT_TITLE = "Tình hình, kết quả giải quyết thủ tục hành chính {period}"
CHART_TITLE = "Hồ sơ đã giải quyết theo lĩnh vực (các lĩnh vực có nhiều hồ sơ nhất)"
CHART_LEGEND = ("Trước hạn", "Đúng hạn", "Quá hạn")
PARAGRAPHS = (
    "Thực hiện Thông tư số 01/2020/TT-VPCP ngày 21 tháng 10 năm 2020 của Văn phòng Chính phủ quy định chế độ báo cáo "
    "định kỳ, Ủy ban nhân dân {unit} báo cáo tình hình, kết quả giải quyết thủ tục hành chính {period} "
    "(từ ngày {begin} đến ngày {end}) như sau:",
    "1. Tiếp nhận: {c3} hồ sơ, gồm {c4} hồ sơ nộp trực tuyến, {c5} hồ sơ nộp trực tiếp hoặc qua dịch vụ bưu chính và "
    "{c6} hồ sơ từ kỳ trước chuyển sang.",
    "2. Đã giải quyết: {c7} hồ sơ, gồm {c8} hồ sơ trước hạn, {c9} hồ sơ đúng hạn và {c10} hồ sơ quá hạn; "
    "tỷ lệ giải quyết trước hạn và đúng hạn là {rate}.",
    "3. Đang giải quyết: {c11} hồ sơ, gồm {c12} hồ sơ trong hạn và {c13} hồ sơ quá hạn.",
    "Số liệu chi tiết theo từng lĩnh vực tại Biểu số II.06a/VPCP/KSTT kèm theo.",
)
RESTATED = "Báo cáo này điều chỉnh số liệu đã chốt và thay thế phiên bản {superseded}."
REPORT = "BÁO CÁO"
