"""What the portal's door answers: the portal's own envelope, in the words of whoever reads it."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """`error_code` of an answer. Of the portal's own only `0` is known for sure; the others are ours (docs/integrate)."""

    TAKEN = "0"
    SOME_REFUSED = "1"
    UNREADABLE = "2"
    UNKNOWN_SERVICE = "4"
    NOT_ALLOWED = "5"
    TRY_AGAIN = "9"


MESSAGE = {
    ErrorCode.TAKEN: "Thành công",
    ErrorCode.SOME_REFUSED: "Một số mục không được tiếp nhận; xem result",
    ErrorCode.UNREADABLE: "Không đọc được gói tin",
    ErrorCode.UNKNOWN_SERVICE: "Dịch vụ không được hỗ trợ",
    ErrorCode.NOT_ALLOWED: "Không có quyền gửi cho đơn vị này",
    ErrorCode.TRY_AGAIN: "Chưa ghi nhận được; hãy gửi lại gói tin này",
}
ITEM_MESSAGE = {"accepted": "Đã tiếp nhận", "duplicate": "Đã có, không thay đổi", "rejected": "Không tiếp nhận"}
