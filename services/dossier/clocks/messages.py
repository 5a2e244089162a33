"""Vietnamese texts of what the clocks find; code stays English."""

FINDING = {
    "promise_later": "Ngày hẹn trả muộn hơn ngày tính theo danh mục thủ tục",
    "promise_earlier": "Ngày hẹn trả sớm hơn ngày tính theo danh mục thủ tục",
    "promise_by_other_policy": "Ngày hẹn trả tính theo cách khác sau khi bổ sung (tính tiếp hoặc tính lại từ đầu)",
    "promise_beyond_statutory": "Ngày hẹn trả vượt thời hạn theo quy định",
    "calendar_changed_since_promise": "Lịch làm việc thay đổi sau khi hẹn; giữ ngày đã hẹn",
    "procedure_unknown": "Thủ tục chưa có trong danh mục vào ngày tiếp nhận",
    "channel_not_offered": "Thủ tục không công bố kênh nộp này",
    "supplement_asked_again": "Yêu cầu bổ sung quá một lần, trong khi thủ tục chỉ cho phép một lần",
    "limit_unknown": "Thời hạn công bố chưa có hoặc thiếu đơn vị, cần người xác nhận",
}
