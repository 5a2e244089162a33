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
NOTHING_TO_SHARE = "Không phát sinh trong kỳ"
NOT_MEASURED = "Chưa có nguồn số liệu"
NOT_KEPT = {
    "petition_span": "Phản ánh, kiến nghị chỉ có số liệu hiện tại, không lưu theo ngày biết",
    "owed_report": "Báo cáo phải nộp chỉ có số liệu hiện tại, không lưu theo ngày biết",
}
INCOMPLETE_SCORE = "Mới chấm được {scored}/{of} điểm; tiêu chí chưa có số liệu không tính là 0"
WHOLE_UNIT = "các phòng chuyên môn"
MEASURED_TITLE = "{subject} {period}"
SEE_ANNEX = "Số liệu chi tiết tại {number} kèm theo."
TARGETS = (
    "Tổng số {all} chỉ tiêu được theo dõi: {met} chỉ tiêu đạt, {missed} chỉ tiêu không đạt, {rest} chỉ tiêu chưa có số liệu, "
    "chưa giao số hoặc theo minh chứng."
)
TARGETS_MISSED = "Các chỉ tiêu không đạt: {names}."
COUNTED = "Kết quả chính: {figures}."
INDEX_SCORE = "Tổng điểm: {score}/{most} điểm."
INDEX_INCOMPLETE = (
    "Mới chấm được {scored} điểm trên {of} điểm tối đa của các tiêu chí có số liệu (tổng {most} điểm); các tiêu chí còn lại "
    "chưa có số liệu, không tính là 0 điểm và không suy ra tổng điểm."
)
GOOD = ("met", "on_track", "trend_up")
BAD = ("missed", "behind", "not_rising")
VERDICTS = {
    "met": "Đạt",
    "missed": "Không đạt",
    "on_track": "Đang đạt",
    "behind": "Chưa đạt",
    "no_value": "Không có số liệu",
    "needs_number": "Chưa giao số",
    "by_evidence": "Theo minh chứng",
    "trend_up": "Tăng",
    "not_rising": "Không tăng",
    "no_comparison": "Chưa so sánh được",
}
RISING = "Tăng so với kỳ trước"
NOT_ASSIGNED = "Chưa giao"
RATES_LEGEND = ("Kết quả", "Không đạt, chưa đạt", "Chỉ tiêu")
INDEX_HEADINGS = ("Điểm tối đa", "Điểm tự chấm", "Điểm công bố", "Chênh lệch")
NOTE = "Ghi chú"
PUBLISHED = "Điểm công bố: {source}, ngày {on}"
CHART_SHEET = "Biểu đồ"
CALENDAR_MONTH = "Tháng {month}/{year}"
CALENDAR_QUARTER = "Quý {quarter}/{year} (quý dương lịch)"
CALENDAR_YEAR = "Năm {year} (năm dương lịch)"
CHART_SHEET_TITLE = "Hồ sơ đã giải quyết theo lĩnh vực"
NOTHING_SCORED = "Chưa có tiêu chí nào có số liệu; không tính là 0"
NOT_SCORED = "chưa có số liệu"
