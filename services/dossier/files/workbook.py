"""XLSX workbooks (ECMA-376): their visible worksheets, each as numbered rows of text on disk.

The rows are streamed: readers that hold a sheet whole need 340 MB for 200,000 rows (docs/decisions/0032-sheets.md).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import islice
from typing import IO
from xml.parsers import expat

from services.dossier.files.archive import Archive, resolve
from services.dossier.files.markup import Hostile, local, read_through
from services.dossier.files.source import Source
from services.dossier.files.spool import Spool
from services.dossier.files.worksheet import MAX_CELL, Block, Worksheet, unescape

MAX_SHEETS = 100
MAX_SHARED = 128 << 20
"""Bytes of text that cells share; held in memory, packed."""
SHORT = 400
"""Bytes of a text that is worth remembering as text: a memory of long ones would grow without bound."""
HAND_IN = "hand in CSV, XLSX or JSON Lines"
BUILT_IN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
"""Number formats that are dates without saying so (ECMA-376 part 1, §18.8.30)."""
_NO_FORMAT = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.', re.DOTALL)
_WORKBOOK = "xl/workbook.xml"


class SheetRows:
    """One worksheet: its rows by number, and which of its cells are merged."""

    def __init__(self, spool: Spool, merged: Sequence[Block]) -> None:
        self._spool, self._merged = spool, merged
        self.height = spool.last

    def rows(self, *, after: int = 0) -> Iterator[tuple[int, list[str]]]:
        """Rows below row `after`, numbered as the spreadsheet program shows them."""
        for number, cells in self._spool.rows():
            if number > after:
                yield number, cells

    def head(self, count: int) -> list[list[str]]:
        """Rows 1 to `count` with each merged cell's text in all the cells that it covers."""
        head: list[list[str]] = [[] for _ in range(min(count, self.height))]
        for number, cells in islice(self._spool.rows(), count):
            if number <= len(head):
                head[number - 1] = cells
        width = max(map(len, head), default=0)
        for row in head:
            row.extend([""] * (width - len(row)))
        for top, left, bottom, right in self._merged:
            if top <= len(head) and left < width:
                for row in head[top - 1 : bottom]:
                    for column in range(left, min(right + 1, width)):
                        row[column] = head[top - 1][left]
        return head


def open_workbook(source: Source) -> list[SheetRows]:
    """The visible worksheets of an XLSX file; raises `FileUnreadable` for any other archive and for broken ones."""
    with source.open_seekable() as file:
        try:
            return list(_worksheets(Archive(file, source.packed), source))
        except Hostile as hostile:
            raise source.unreadable(str(hostile), "split it, or save it anew as XLSX or CSV") from hostile
        except (
            zipfile.BadZipFile, zlib.error, expat.ExpatError, KeyError, IndexError, ValueError, EOFError,
            NotImplementedError,
        ) as error:  # fmt: skip
            raise source.unreadable(f"is a broken XLSX workbook: {error}", "open it and save it again") from error


def _worksheets(archive: Archive, source: Source) -> Iterator[SheetRows]:
    if not archive.holds_workbook():
        raise source.unreadable("is an archive but not an XLSX workbook", HAND_IN)
    book = _Book(archive)
    for part in book.worksheets[:MAX_SHEETS]:
        worksheet = Worksheet(book.shared_text, book.is_date, from_1904=book.from_1904)
        spool = Spool()
        with archive.open(part) as stream:
            for number, cells in worksheet.rows(stream):
                spool.add(number, cells)
        spool.finish()
        yield SheetRows(spool, worksheet.merged)


class _Book:
    """What the worksheets of a workbook share: where they are, their text, which formats are dates."""

    def __init__(self, archive: Archive) -> None:
        self.from_1904 = False
        self.worksheets: list[str] = []
        self._dates = set[str]()
        self._shared, self._ends = bytearray(), array("Q", [0])
        path = self._path(archive)
        targets = _relationships(archive, path)
        self._read_book(archive, path, targets)
        for kind, read in (("styles", self._read_styles), ("sharedStrings", self._read_shared)):
            for part in (part for part, of_kind in targets.values() if of_kind == kind and part in archive):
                with archive.open(part) as stream:
                    read(stream)

        self._cached = lru_cache(10_000)(self._read_text)

    def is_date(self, style: str) -> bool:
        """Whether cells of the style with this number show their own number as a date or time."""
        return style in self._dates

    def shared_text(self, number: int) -> str:
        """The text with this number; raises `IndexError`."""
        if not 0 <= number < len(self._ends) - 1:
            raise IndexError(f"no shared text {number}")
        if self._ends[number + 1] - self._ends[number] > SHORT:
            return self._read_text(number)[:MAX_CELL]
        return self._cached(number)

    def _read_text(self, number: int) -> str:
        return unescape(self._shared[self._ends[number] : self._ends[number + 1]].decode())

    def _path(self, archive: Archive) -> str:
        for part, kind in _relationships(archive, "").values():
            if kind == "officeDocument" and part in archive:
                return part
        return _WORKBOOK

    def _read_book(self, archive: Archive, path: str, targets: dict[str, tuple[str, str]]) -> None:
        def start(name: str, attributes: dict[str, str]) -> None:
            if local(name) == "workbookPr":
                self.from_1904 = attributes.get("date1904", "0") in ("1", "true")
            elif local(name) == "sheet" and attributes.get("state", "visible") == "visible":
                key = next((value for key, value in attributes.items() if key.endswith(":id")), "")
                part, kind = targets.get(key, ("", ""))
                if kind == "worksheet":
                    self.worksheets.append(part)

        with archive.open(path) as stream:
            read_through(stream, partial(_listen, start=start))

    def _read_styles(self, stream: IO[bytes]) -> None:
        dates, inside, count = set(BUILT_IN_DATES), False, 0

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal inside, count
            name = local(name)
            if name == "numFmt":
                (dates.add if _shows_date(attributes.get("formatCode", "")) else dates.discard)(
                    int(attributes["numFmtId"])
                )
            elif name == "cellXfs":
                inside = True
            elif name == "cellStyles":
                inside = False
            elif name == "xf" and inside:
                if int(attributes.get("numFmtId", "0")) in dates:
                    self._dates.add(str(count))
                count += 1

        read_through(stream, partial(_listen, start=start))

    def _read_shared(self, stream: IO[bytes]) -> None:
        collecting = skipping = False

        def start(name: str, _: dict[str, str]) -> None:
            nonlocal collecting, skipping
            name = local(name)
            collecting = name == "t" and not skipping
            skipping = skipping or name == "rPh"

        def end(name: str) -> None:
            nonlocal collecting, skipping
            name, collecting = local(name), False
            if name == "rPh":
                skipping = False
            elif name == "si":
                self._ends.append(len(self._shared))

        def characters(text: str) -> None:
            if collecting:
                self._shared.extend(text.encode())
                if len(self._shared) > MAX_SHARED:
                    raise Hostile(f"shares more than {MAX_SHARED:,} bytes of text")

        read_through(stream, partial(_listen, start=start, end=end, characters=characters))


def _listen(parser: expat.XMLParserType, **handlers: object) -> None:
    names = {"start": "StartElementHandler", "end": "EndElementHandler", "characters": "CharacterDataHandler"}
    for name, handler in handlers.items():
        setattr(parser, names[name], handler)


def _relationships(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """Where a part's relationships point, and the last word of their type, by id; those to other files are left out."""
    folder, _, name = part.rpartition("/")
    path = resolve("", f"{folder}/_rels/{name}.rels")
    found: dict[str, tuple[str, str]] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if local(name) == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            found[attributes.get("Id", "")] = resolve(part, attributes.get("Target", "")), kind

    if path in archive:
        with archive.open(path) as stream:
            read_through(stream, partial(_listen, start=start))
    return found


def _shows_date(code: str) -> bool:
    """Whether a number format shows days or times; colours, quoted words and elapsed hours aside."""
    return re.search("[dmyhs]", _NO_FORMAT.sub("", code.partition(";")[0]), re.IGNORECASE) is not None
