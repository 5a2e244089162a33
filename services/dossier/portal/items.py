"""One item of a packet, read tolerantly: senders mix text, numbers and booleans, and two ways of writing dates.

Only what is asked for by name leaves an item. Addresses, phones, identities and free texts are never asked for, the
applicant's name only where an installation keeps it sealed; `redacted` is what may be kept of an item that was refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.events.statements import Refused
from shared.localtime import LOCAL

YEARS = range(1900, 2200)
LONGEST_NAME = 200
"""Characters of a name on a letter."""
_COMPACT = re.compile(r"\d{8}(\d{4}(\d{2})?)?", re.ASCII)
_TRUE, _FALSE = {"1", "true"}, {"0", "false"}

_KEPT = {
    "MaHoSo", "MaTTHC", "MaLinhVuc", "TrangThaiHoSo", "TrangThai", "NgayTiepNhan", "NgayHenTra", "NgayTra",
    "NgayKetThucXuLy", "NgayNopHoSo", "NgayTuChoi", "ThoiDiemXuLy", "KenhThucHien", "MucDo", "LoaiDoiTuong", "HinhThuc",
    "HoSoCoThanhPhanSoHoa", "DuocThanhToanTrucTuyen",
}  # fmt: skip
_HARMLESS = re.compile(r"[0-9A-Za-z.:/-]{1,60}", re.ASCII)
_NUMBER_OF_A_PERSON = re.compile(r"\d{9,13}", re.ASCII)
"""A phone or an identity that slipped into another field."""


class PacketItem:
    """One object of a packet's `data`; every reader raises `Refused` naming the portal's own field."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """True when the sender knows the field at all, empty or not."""
        return name in self._values

    def text(self, name: str, *, limit: int = 400) -> str | None:
        """A text in one line, cut at `limit` characters as senders cut it themselves; empty is `None`.

        NFC, as the journal keeps texts: what is compared with it must not differ by the way its letters are composed.
        """
        value = self._values.get(name)
        if value is None or isinstance(value, bool | dict | list):
            return None
        text = unicodedata.normalize("NFC", " ".join(str(value).replace("\0", " ").split()))[:limit].rstrip()
        return text or None

    def instant(self, name: str) -> datetime | None:
        """A date as `yyyyMMddHHmmss` or ISO 8601; without an offset it is local time."""
        text = self.text(name)
        if text is None:
            return None
        try:
            at = _instant(text)
        except ValueError as error:
            advice = "write yyyyMMddHHmmss, local time"
            raise Refused(name, "is not a date that exists", advice) from error
        if at.year not in YEARS:
            raise Refused(name, f"lies in the year {at.year}", "send a date between 1900 and 2199")
        return at

    def flag(self, name: str) -> bool | None:
        """A yes or no, written as `1`, `"1"`, `true` or `"True"`; anything else says nothing."""
        value = self._values.get(name)
        text = str(value).strip().lower() if isinstance(value, str | bool | int) else ""
        return True if text in _TRUE else False if text in _FALSE else None

    def items(self, name: str) -> Sequence[PacketItem]:
        """The objects of a list; what is no object is passed over, for lists of files carry all sorts of things."""
        value = self._values.get(name)
        return [PacketItem(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []

    def name_of_applicant(self) -> str | None:
        """Who handed the dossier in, in one line that can be printed: for the sealed table and nothing else."""
        name = self.text("ChuHoSo", limit=LONGEST_NAME) or ""
        return "".join(char for char in name if char.isprintable()).strip() or None

    def redacted(self) -> bytes:
        """What may be kept of a refused item, as JSON: codes, dates and states, nothing that names a person."""
        return msgspec.json.encode({name: _harmless(value) for name, value in self._values.items() if name in _KEPT})


def _instant(text: str) -> datetime:
    if _COMPACT.fullmatch(text):
        shape = "%Y%m%d%H%M%S"[: {8: 6, 12: 10, 14: 12}[len(text)]]
        return datetime.strptime(text, shape).replace(tzinfo=LOCAL)
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=LOCAL) if at.tzinfo is None else at.astimezone(LOCAL)


def _harmless(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    is_harmless = text == "" or (_HARMLESS.fullmatch(text) and not _NUMBER_OF_A_PERSON.fullmatch(text))
    return text if is_harmless else "(dropped)"
