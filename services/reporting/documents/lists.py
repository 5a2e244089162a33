"""The list behind a number as a file: CSV and XLSX for people, JSON Lines for programs; the same input gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter

Rows = Sequence[dict[str, Any]]
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/jsonl",
}


def write_list(rows: Rows, format_: str) -> bytes:
    """The rows in one of `MEDIA_TYPES`."""
    return _WRITERS[format_](rows)


def _csv(rows: Rows) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["unit", "code"], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
    return out.getvalue().encode("utf-8-sig")  # without the mark Excel reads Vietnamese as something else


def _safe(value: Any) -> Any:
    # what a sender wrote must not become a formula in somebody's spreadsheet
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value[:1] else value


def _jsonl(rows: Rows) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n" for row in rows)


def _xlsx(rows: Rows) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": datetime(2000, 1, 1)})
    sheet, bold = book.add_worksheet("Danh sách"), book.add_format({"bold": True})
    for column, name in enumerate(rows[0] if rows else ("unit", "code")):
        sheet.write_string(0, column, name, bold)
        sheet.set_column(column, column, 26 if name in ("code", "field", "procedure") else 14)
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row.values()):
            if isinstance(value, bool | int):
                sheet.write(number, column, value)
            elif value is not None:
                sheet.write_string(number, column, value.isoformat() if isinstance(value, date) else str(value))
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, max(1, len(rows)), max(0, len(rows[0]) - 1 if rows else 1))
    book.close()
    return out.getvalue()


_WRITERS: Mapping[str, Callable[[Rows], bytes]] = {"csv": _csv, "xlsx": _xlsx, "jsonl": _jsonl}
