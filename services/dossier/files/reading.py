"""Opens a file that a person hands in; what it is, is told by its content, never by its name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from services.dossier.files.columns import COLUMNS
from services.dossier.files.headings import LOOK_AT, ColumnOf, Heading, find_heading
from services.dossier.files.items import OpenedFile
from services.dossier.files.mapping import SheetMapping
from services.dossier.files.packets import SEND_PACKET, is_packet
from services.dossier.files.records import open_records
from services.dossier.files.rows import Row, read_csv
from services.dossier.files.sheets import RowReader, Sheet
from services.dossier.files.source import GZIP_MAGIC, UTF_16_MARKS, Source
from services.dossier.files.workbook import open_workbook

ZIP_MAGIC = b"PK\x03\x04"
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DELIMITERS = ",;\t"

SEND_RECORDS = "send it to POST /v1/records as application/x-ndjson, or use motcua import"

KnowsUnit = Callable[[str], bool]


def open_file(
    path: Path,
    *,
    knows_unit: KnowsUnit,
    now: datetime,
    unit: str | None = None,
    as_of: datetime | None = None,
    name: str | None = None,
    mapping: SheetMapping | None = None,
    only_sheets: bool = False,
) -> OpenedFile:
    """Open a dossier sheet (CSV, XLSX) or a record file, plain or gzipped.

    `now` and `as_of` are aware; `unit` stands for the cells of a sheet that name none; `name` is what errors call the
    file when `path` is a temporary one; a `mapping` says what headings of a sheet mean that are not known to all. With
    `only_sheets` record files are not taken. Reads a sheet once to its end when `as_of` is not given. Blocks; raises
    `FileUnreadable`.
    """
    mapping = mapping or SheetMapping()
    meaning = mapping.column_of
    source = Source(path, name or str(path))
    first = source.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if first.startswith((GZIP_MAGIC, OLE_MAGIC)):
        raise source.unreadable("is packed twice or an old Excel file", "unpack it; save .xls as .xlsx")
    if first.startswith(ZIP_MAGIC):
        rows, total, heading = _workbook(source, meaning)
    elif first.startswith((b"{", b"[")):
        if is_packet(first):
            raise source.unreadable("is a national-portal packet, not a sheet or record file", SEND_PACKET)
        if only_sheets:
            raise source.unreadable("is a record file, not a sheet", SEND_RECORDS)
        return open_records(source, knows_unit=knows_unit, now=now, as_of=as_of)
    else:
        rows, total, heading = _csv(source, meaning)
    given = {*mapping.constants, *(["unit"] if unit else [])}
    _must_hold(heading, source, given)
    return Sheet(rows, total, RowReader(heading, knows_unit, now, unit, mapping), now, as_of)


Rows = tuple[Callable[[], Iterator[Row]], int, Heading]


def _csv(source: Source, meaning: ColumnOf) -> Rows:
    encoding = source.text_encoding()
    if source.head.startswith(UTF_16_MARKS) and source.head.decode("utf-16", "ignore").lstrip().startswith(("{", "[")):
        raise source.unreadable("is a record file in UTF-16", "save it as UTF-8")
    delimiter, heading, after = max(
        (_try_delimiter(source, encoding, delimiter, meaning) for delimiter in DELIMITERS),
        key=lambda tried: tried[1].score,
    )

    def rows() -> Iterator[Row]:
        with source.open_text(encoding) as text:
            yield from read_csv(text, delimiter, width=heading.width, after=after)

    return rows, max(source.lines - after, 0), heading


def _try_delimiter(source: Source, encoding: str, delimiter: str, meaning: ColumnOf) -> tuple[str, Heading, int]:
    with source.open_text(encoding) as text:
        head = list(islice(read_csv(text, delimiter), LOOK_AT))
    heading = find_heading([row.cells for row in head], meaning)
    return delimiter, heading, head[heading.last].last_line


def _workbook(source: Source, meaning: ColumnOf) -> Rows:
    sheets = open_workbook(source)
    if not sheets:
        raise source.unreadable("holds no visible worksheet")
    headings = [find_heading(sheet.head(LOOK_AT), meaning) for sheet in sheets]
    heading, sheet = max(zip(headings, sheets, strict=True), key=lambda pair: pair[0].score)
    after = heading.last + 1

    def rows() -> Iterator[Row]:
        return (Row(number, number, cells) for number, cells in sheet.rows(after=after))

    return rows, max(sheet.height - after, 0), heading


def _must_hold(heading: Heading, source: Source, given: Collection[str]) -> None:
    if missing := heading.missing(given=given):
        advice = "; ".join(f"accepted headings of {name}: {COLUMNS[name].accepted}" for name in missing)
        advice += "; or explain the sheet's own headings in a mapping file"
        columns = "column" if len(missing) == 1 else "columns"
        raise source.unreadable(f"misses the required {columns} {', '.join(missing)}", advice)
