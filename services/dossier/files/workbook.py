"""XLSX workbooks, read by openpyxl: their visible worksheets, each as numbered rows of text on disk.

Of openpyxl the parts are used and not `load_workbook`, which in its streaming mode gives no merged cells, holds shared
text without bound and stumbles on titles, themes and print areas that nobody needs (docs/decisions/0032-sheets.md).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from errno import EDQUOT, ENOSPC
from itertools import islice
from typing import IO, Any, BinaryIO, cast

from defusedxml.common import DefusedXmlException

os.environ["OPENPYXL_LXML"] = "False"  # python-docx brings lxml, which takes document types; defusedxml refuses them

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries
from openpyxl.utils.escape import unescape
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from services.dossier.files.archive import Archive, Hostile, elements
from services.dossier.files.source import Source
from services.dossier.files.spool import Spool

MAX_SHEETS = 100
MAX_SHARED, MAX_TEXTS = 48 << 20, 1_000_000
"""Bytes and number of the texts that cells share, which are held in memory; 200,000 rows have a third of it."""
MAX_ROWS, MAX_COLUMNS = 1_048_576, 1_000
"""Rows as many as spreadsheet programs know; no register of a centre is wider than a few dozen columns."""
TEXT_TAG, MERGED_TAG = f"{{{SHEET_MAIN_NS}}}si", f"{{{SHEET_MAIN_NS}}}mergeCell"
Block = tuple[int, int, int, int]
"""A merged range: first column, first row, last column, last row; from 1."""
STRICT = b"http://purl.oclc.org/ooxml/"

# what openpyxl would lose when writing a workbook is nothing to us, and its warnings quote cells
warnings.filterwarnings("ignore", module="openpyxl")


class SheetRows:
    """One worksheet: its rows by number, and which of its cells are merged."""

    def __init__(self, spool: Spool, merged: Sequence[Block]) -> None:
        self._spool, self._merged = spool, merged
        self.height = spool.last

    def rows(self, *, after: int = 0) -> Iterator[tuple[int, list[str]]]:
        """Rows below row `after`, numbered as the spreadsheet program shows them."""
        return (row for row in self._spool.rows() if row[0] > after)

    def head(self, count: int) -> list[list[str]]:
        """Rows 1 to `count` with each merged cell's text in all the cells that it covers."""
        head: list[list[str]] = [[] for _ in range(min(count, self.height))]
        for number, cells in islice(self._spool.rows(), count):
            if number <= len(head):
                head[number - 1] = cells
        width = max(map(len, head), default=0)
        for row in head:
            row.extend([""] * (width - len(row)))
        for left, top, right, bottom in self._merged:
            if top <= len(head) and left <= width:
                for row in head[top - 1 : bottom]:
                    row[left - 1 : right] = [head[top - 1][left - 1]] * (min(right, width) - left + 1)
        return head


def open_workbook(source: Source) -> list[SheetRows]:
    """The visible worksheets of an XLSX file; raises `FileUnreadable` for any other archive and for broken ones."""
    with source.open_seekable() as file:
        try:
            with Archive(file, source.packed) as archive:
                if not any(name.startswith("xl/") for name in archive.namelist()):
                    raise Hostile("is an archive but not an XLSX workbook")
                return list(_worksheets(archive))
        except Hostile as hostile:
            raise source.unreadable(str(hostile), "split it, or save it anew as XLSX or CSV") from hostile
        except DefusedXmlException as error:
            reason = "declares a document type or entities, which no spreadsheet needs"
            raise source.unreadable(reason, "save it anew as XLSX or CSV") from error
        except Exception as error:  # openpyxl raises whatever a broken part lets it stumble on
            if getattr(error, "errno", None) in (ENOSPC, EDQUOT):  # no fault of the file
                raise
            raise source.unreadable(f"is a broken XLSX workbook: {error}", "open it and save it again") from error


def _worksheets(archive: Archive) -> Iterator[SheetRows]:
    reader: Any = ExcelReader(cast(BinaryIO, archive.fp), read_only=True, data_only=True, keep_links=False)
    reader.archive = archive
    reader.read_manifest()
    reader.read_workbook()
    if STRICT in archive.read(reader.parser.workbook_part_name):
        raise Hostile("is saved as Strict Open XML")
    apply_stylesheet(archive, reader.wb)
    visible = [
        relation.target
        for sheet, relation in reader.parser.find_sheets()
        if sheet.state == "visible" and relation.Type.endswith("/worksheet") and relation.TargetMode != "External"
    ]
    shared = _shared_texts(archive, reader.package.find(SHARED_STRINGS)) if visible else []
    for name in visible[:MAX_SHEETS]:
        spool = Spool()
        with archive.open(name) as part:
            worksheet = _Worksheet(part, shared, True, reader.wb.epoch, reader.wb._date_formats)
            for number, cells in worksheet.rows():
                spool.add(number, cells)
        spool.finish()
        yield SheetRows(spool, worksheet.merged)


def _shared_texts(archive: Archive, listed: Any) -> list[str]:
    texts = list[str]()
    if listed is None:
        return texts
    name = listed.PartName.lstrip("/")
    if archive.getinfo(name).file_size > MAX_SHARED:
        raise Hostile(f"shares more than {MAX_SHARED:,} bytes of text")
    with archive.open(name) as part:
        for element in elements(part, [TEXT_TAG]):
            texts.append(cast(Text, Text.from_tree(element)).content)
            if len(texts) > MAX_TEXTS:
                raise Hostile(f"shares more than {MAX_TEXTS:,} texts")
    return texts


class _Worksheet(WorkSheetParser):
    """Rows as text; `merged` is complete once `rows` was read to its end."""

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Numbered rows that hold anything, top to bottom; raises `Hostile` and whatever openpyxl does."""
        self.merged: list[Block] = []
        for element in elements(cast(IO[bytes], self.source), (ROW_TAG, MERGED_TAG), last=DATA_TAG):
            if element.tag == MERGED_TAG:
                block = range_boundaries(element.get("ref"))
                if None not in block:  # not whole columns, which are no heading's
                    self.merged.append(cast(Block, block))
                continue
            above = self.row_counter
            number, cells = self.parse_row(element)
            self.row_dimensions.clear()
            if not above < number <= MAX_ROWS:
                raise Hostile(f"has a row numbered {number} behind row {above}; sheets have {MAX_ROWS:,}, in order")
            filled = {cell["column"]: cell["value"] for cell in cells if cell["value"] not in (None, "")}
            width = max(filled, default=0)
            if width > MAX_COLUMNS:
                raise Hostile(f"has cells beyond column {MAX_COLUMNS:,} in row {number}")
            if filled:
                yield number, [_as_text(filled.get(column, "")) for column in range(1, width + 1)]

    def parse_cell(self, element: Any) -> dict[str, Any]:
        """As openpyxl; a value that is not of its cell's type stays what it says, and spoils its own row at most."""
        try:
            return super().parse_cell(element)
        except ValueError:
            coordinate_to_tuple(element.get("r", "A1"))
            return {"column": self.col_counter, "value": element.findtext(VALUE_TAG)}


def _as_text(value: object) -> str:
    """A cell as people write it: whole numbers without a point, days without a time, 08:29:59.999 as 08:30."""
    match value:
        case str():
            return unescape(value) if "_x" in value else value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return (value + timedelta(microseconds=500_000)).replace(microsecond=0).isoformat()
        case date() | time():
            return value.isoformat()
    return str(value)
