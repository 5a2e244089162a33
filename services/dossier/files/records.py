"""A record file: CloudEvents, one a line or as one JSON array; each is taken or refused alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, Literal

import msgspec

from services.dossier.files.items import MAX_RAW_BYTES, Heard, Item
from services.dossier.files.source import HEAD, Source
from shared.events.records import claimed_source, parse_record
from shared.events.statements import MAX_RECORD_BYTES, Refused

MAX_ARRAY_BYTES = 64 << 20
"""An array is read at once; more records than that come as JSON Lines."""
UTF_8_MARK = b"\xef\xbb\xbf"

Line = tuple[int, bytes]


class Records:
    """The records of a file, line by line."""

    kind: Literal["records"] = "records"

    def __init__(
        self,
        lines: Callable[[], Iterator[Line]],
        total: int,
        knows_unit: Callable[[str], bool],
        now: datetime,
        as_of: datetime | None,
    ) -> None:
        self._lines, self.total = lines, total
        self._knows_unit, self._now = knows_unit, now
        self._heard = Heard(now, as_of)

    def items(self) -> Iterator[Item]:
        for line, body in self._lines():
            yield self._item(line, body)

    def sources(self) -> Mapping[str, datetime]:
        return self._heard.sources()

    def _item(self, line: int, body: bytes) -> Item:
        raw = body[:MAX_RAW_BYTES]
        try:
            if len(body) > MAX_RECORD_BYTES:
                advice = "one CloudEvent a line; a statement is a few hundred bytes"
                raise Refused("record", f"is longer than {MAX_RECORD_BYTES:,} bytes", advice)
            statement = parse_record(body, knows_unit=self._knows_unit, now=self._now)
        except Refused as refused:
            return Item(line=line, refused=refused, raw=raw, key=_glance_at_code(body), source=_glance_at_source(body))
        self._heard.note(statement)
        return Item(line=line, statements=(statement,), raw=raw, key=statement.code, source=statement.source)


def open_records(
    source: Source, *, knows_unit: Callable[[str], bool], now: datetime, as_of: datetime | None
) -> Records:
    """Records of a JSON Lines file, of a JSON array, or of one record alone; raises `FileUnreadable`."""
    if not _is_array(source.head) and not _is_one_document(source):
        return Records(lambda: _read_lines(source), source.lines, knows_unit, now, as_of)
    records = list(_split(source))
    return Records(lambda: iter(records), len(records), knows_unit, now, as_of)


def _read_lines(source: Source) -> Iterator[Line]:
    with source.open() as file:
        for number, line in enumerate(_bounded_lines(file), start=1):
            body = line.removeprefix(UTF_8_MARK).strip()
            if body:
                yield number, body


def _bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of which no more is held than shows that they are too long."""
    limit = MAX_RECORD_BYTES + 16
    while line := file.readline(limit):
        rest = line
        while len(rest) == limit and not rest.endswith(b"\n"):
            rest = file.readline(limit)
        yield line


def _is_array(head: bytes) -> bool:
    return head.removeprefix(UTF_8_MARK).lstrip().startswith(b"[")


def _is_one_document(source: Source) -> bool:
    """Whether the file is one record written over several lines; a large file never is."""
    if source.lines < 2 or len(source.head) >= HEAD:
        return False
    try:
        msgspec.json.decode(source.head.removeprefix(UTF_8_MARK), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _split(source: Source) -> Iterator[Line]:
    content = source.read_whole(MAX_ARRAY_BYTES).removeprefix(UTF_8_MARK)
    if not _is_array(content):
        yield content.count(b"\n", 0, len(content) - len(content.lstrip())) + 1, content.strip()
        return
    try:
        elements = msgspec.json.decode(content, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise source.unreadable(f"is not a valid JSON array: {error}", "hand in one CloudEvent a line") from error
    position, line = content.index(b"[") + 1, 1 + content.count(b"\n", 0, content.index(b"["))
    for element in elements:
        body = bytes(element).strip()
        start = content.index(body, position)
        line += content.count(b"\n", position, start)
        yield line, body
        line += body.count(b"\n")
        position = start + len(body)


def _glance_at_source(body: bytes) -> str:
    return claimed_source(body) if len(body) <= MAX_RECORD_BYTES else ""


class _Data(msgspec.Struct):
    dossier: Any = ""
    petition: Any = ""


class _Glance(msgspec.Struct):
    data: _Data = msgspec.field(default_factory=_Data)
    subject: Any = ""


def _glance_at_code(body: bytes) -> str:
    """The dossier's or petition's code of a refused record, where one can be read."""
    try:
        seen = msgspec.json.decode(body[:MAX_RECORD_BYTES], type=_Glance)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    code = seen.data.dossier or seen.data.petition or seen.subject
    return code[:200] if isinstance(code, str) else ""
