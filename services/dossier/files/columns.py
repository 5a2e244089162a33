"""The columns of a dossier sheet: the headings that people write, and how a cell of each is read (contracts.md §3)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from services.dossier.files.dates import Moment, read_moment

EMPTY = {"", "-", "–", "—", "null", "NULL"}


LONG = 200
"""Characters beyond which a cell is not remembered: a memory of long ones would grow without bound."""


class Unfit(ValueError):
    """A cell that its column does not take: why, and what the column takes."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason, self.advice = reason, advice


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in the contract, how its cells are read, and its headings in Vietnamese.

    Where a sheet has several columns of one meaning, the heading named first here is read first.
    """

    name: str
    read: Callable[[str], object]
    headings: tuple[str, ...]

    @property
    def accepted(self) -> str:
        return ", ".join((self.name, *self.headings))


def text(limit: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if len(cell) > limit:
            raise Unfit(f"is {len(cell):,} characters long", f"at most {limit:,}")
        return cell

    return read


def choice(values: Mapping[str, tuple[str, ...]]) -> Callable[[str], str]:
    """One of the contract's values, or of the words that people write for it."""
    meaning = {fold(word): value for value, words in values.items() for word in (value, *words)}

    def read(cell: str) -> str:
        value = meaning.get(fold(cell))
        if value is None:
            known = ", ".join(f"{name} ({words[0]})" if name else words[0] for name, words in values.items())
            raise Unfit(f"unknown value {shown(cell)}", f"use one of: {known}")
        return value

    return read


def flag(cell: str) -> bool:
    value = _FLAGS.get(fold(cell) or cell)
    if value is None:
        raise Unfit(f"is neither yes nor no: {shown(cell)}", "use true or false, có or không, 1 or 0, x")
    return value


def moment(cell: str) -> Moment:
    try:
        if len(cell) > LONG:
            raise ValueError(cell)
        return read_moment(cell)
    except (ValueError, OverflowError):
        advice = "write it as 2025-11-03T08:30:00+07:00, 2025-11-03 08:30 or 03/11/2025 08:30"
        raise Unfit(f"is not a date that exists: {shown(cell)}", advice) from None


def rating(cell: str) -> int:
    if re.fullmatch(r"[1-5]([.,]0+)?", cell) is None:
        raise Unfit(f"is not a rating from 1 to 5: {shown(cell)}", "use a whole number, or leave it empty")
    return int(cell[0])


def tidy(cell: str) -> str:
    """NFC, single spaces, and none of the invisible characters that copying from web pages brings along."""
    if cell.isascii() and cell.isprintable() and "  " not in cell:
        return cell.strip()
    return _tidied(cell) if len(cell) <= LONG else _tidied.__wrapped__(cell)


@lru_cache(20_000)
def _tidied(cell: str) -> str:
    visible = "".join(sign for sign in cell if sign.isprintable() or sign.isspace())
    return " ".join(unicodedata.normalize("NFC", visible).split())


def fold(words: str) -> str:
    """Words for comparison: no case, no diacritics, letters and digits only."""
    return _folded(words[:LONG])


@lru_cache(4096)
def _folded(words: str) -> str:
    decomposed = unicodedata.normalize("NFD", words.casefold()).replace("đ", "d")
    plain = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return " ".join(re.findall(r"[a-z0-9]+", plain))


def shown(cell: str) -> str:
    """A cell as messages quote it: its beginning."""
    return repr(cell if len(cell) <= 40 else cell[:39] + "…")


_FLAGS = {"true": True, "1": True, "co": True, "x": True, "y": True, "yes": True, "v": True, "✓": True, "dung": True}
_FLAGS |= {"false": False, "0": False, "khong": False, "n": False, "no": False, "sai": False}

CHANNELS = {
    "direct": ("trực tiếp", "nộp trực tiếp", "tiếp nhận trực tiếp", "tại bộ phận một cửa"),
    "online": ("trực tuyến", "nộp trực tuyến", "tiếp nhận trực tuyến", "qua mạng"),
    "post": (
        "bưu chính", "qua bưu chính", "bưu chính công ích", "qua bưu chính công ích", "dịch vụ bưu chính công ích",
        "qua dịch vụ bưu chính công ích", "BCCI", "qua BCCI", "bưu điện", "qua bưu điện",
    ),
}  # fmt: skip
SERVICE_LEVELS = {
    "full": ("toàn trình", "DVC trực tuyến toàn trình", "dịch vụ công trực tuyến toàn trình"),
    "partial": ("một phần", "DVC trực tuyến một phần", "dịch vụ công trực tuyến một phần"),
    "none": ("cung cấp thông tin", "cung cấp thông tin trực tuyến", "không", "không trực tuyến"),
}
APPLICANTS = {
    "citizen": ("người dân", "công dân", "cá nhân"),
    "business": ("doanh nghiệp",),
    "agency": ("cơ quan nhà nước", "cơ quan"),
    "other": ("tổ chức, khác", "tổ chức", "khác"),
}
OUTCOMES = {
    "completed": (
        "đã giải quyết", "hoàn thành", "đã hoàn thành", "đã xử lý xong", "đã xong", "đã có kết quả", "đã trả kết quả",
    ),
    "returned": ("trả lại", "đã trả lại", "trả lại hồ sơ", "trả lại không giải quyết", "không giải quyết"),
    "withdrawn": ("rút", "rút hồ sơ", "đã rút", "công dân rút hồ sơ", "công dân yêu cầu rút hồ sơ"),
    "stopped": ("dừng xử lý", "dừng giải quyết", "dừng"),
    "": (
        "đang xử lý", "đang giải quyết", "mới đăng ký", "được tiếp nhận", "đã tiếp nhận", "mới tiếp nhận",
        "chờ bổ sung", "yêu cầu bổ sung", "yêu cầu bổ sung giấy tờ", "yêu cầu thực hiện nghĩa vụ tài chính", "open",
    ),
}  # fmt: skip
"""The last entry holds the words for a dossier that is still open."""

COLUMNS = {
    column.name: column
    for column in (
        Column("code", text(200), ("mã hồ sơ", "mã số hồ sơ", "số hồ sơ", "số biên nhận", "mã biên nhận")),
        Column("unit", text(200), (
            "mã đơn vị", "mã đơn vị hành chính", "mã ĐVHC", "mã xã", "mã phường", "mã xã phường",
        )),
        Column("procedure", text(200), ("mã thủ tục", "mã TTHC", "mã thủ tục hành chính")),
        Column("procedure_name", text(4000), (
            "tên thủ tục", "tên TTHC", "tên thủ tục hành chính", "thủ tục", "thủ tục hành chính", "TTHC",
        )),
        Column("field", text(400), ("lĩnh vực", "tên lĩnh vực")),
        Column("agency", text(200), (
            "cơ quan giải quyết", "phòng chuyên môn", "đơn vị xử lý", "phòng ban xử lý", "phòng ban",
            "cơ quan xử lý", "cơ quan",
        )),
        Column("channel", choice(CHANNELS), (
            "hình thức tiếp nhận", "kênh tiếp nhận", "hình thức nộp", "kênh nộp", "kênh thực hiện", "kênh",
        )),
        Column("service_level", choice(SERVICE_LEVELS), (
            "mức độ", "mức độ dịch vụ", "mức độ dịch vụ công", "mức độ DVC",
        )),
        Column("applicant", choice(APPLICANTS), ("loại đối tượng", "đối tượng", "đối tượng nộp")),
        Column("submitted_at", moment, ("ngày nộp", "ngày nộp hồ sơ", "thời gian nộp", "ngày gửi")),
        Column("received_at", moment, (
            "ngày tiếp nhận", "ngày nhận", "ngày nhận hồ sơ", "thời gian tiếp nhận", "thời điểm tiếp nhận",
            "ngày tiếp nhận hồ sơ",
        )),
        Column("due_at", moment, (
            "ngày hẹn trả", "ngày hẹn trả kết quả", "hẹn trả", "hẹn trả kết quả", "thời gian hẹn trả", "hạn xử lý",
            "hạn giải quyết", "ngày hẹn",
        )),
        Column("paused_at", moment, ("ngày yêu cầu bổ sung", "ngày tạm dừng", "thời gian tạm dừng")),
        Column("resumed_at", moment, (
            "ngày bổ sung", "ngày đã bổ sung", "ngày nhận bổ sung", "ngày tiếp nhận bổ sung", "ngày tiếp tục",
        )),
        Column("finished_at", moment, (
            "ngày kết thúc", "ngày kết thúc xử lý", "ngày hoàn thành", "ngày giải quyết", "ngày xử lý xong",
            "ngày trả kết quả", "ngày trả", "thời gian kết thúc",
        )),
        Column("outcome", choice(OUTCOMES), (
            "kết quả", "kết quả giải quyết", "kết quả xử lý", "trạng thái", "trạng thái hồ sơ", "tình trạng",
            "tình trạng hồ sơ",
        )),
        Column("fee_due", flag, ("phải nộp phí", "có phí", "phí lệ phí", "có phí lệ phí", "có thu phí")),
        Column("paid_online", flag, ("thanh toán trực tuyến", "nộp phí trực tuyến")),
        Column("digitised_input", flag, (
            "số hóa thành phần hồ sơ", "số hóa hồ sơ", "số hóa đầu vào", "số hóa thành phần",
        )),
        Column("digitised_result", flag, ("số hóa kết quả", "số hóa kết quả giải quyết", "kết quả số hóa")),
        Column("rating", rating, ("mức độ hài lòng", "đánh giá", "điểm đánh giá", "hài lòng")),
    )
}  # fmt: skip

_MEANING = {
    fold(heading): (column.name, rank)
    for column in COLUMNS.values()
    for rank, heading in enumerate((column.name, *column.headings))
}


def column_of(heading: str) -> tuple[str, int] | None:
    """Which column a heading means, and how strongly (0 is the contract's own name); remarks in brackets aside."""
    return _MEANING.get(fold(heading)) or _MEANING.get(fold(re.sub(r"\(.*?\)", " ", heading, flags=re.DOTALL)))
