"""The report as DOCX, for whoever has to add a sentence; the same layout and words as the PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.shared import Cm

from services.reporting import messages
from shared.documents.word import (
    CENTRE,
    LEFT,
    RIGHT,
    new_document,
    repeat_header,
    set_widths,
    to_bytes,
    write,
    write_head,
    write_signature,
)


def write_docx(data: dict[str, Any], created: datetime, picture: bytes = b"") -> bytes:
    """The document of `Paper.content`, with its chart as a PNG; the same input gives the same bytes."""
    document = new_document(data, created)
    write_head(document, data)
    write(document.add_paragraph(), messages.REPORT, CENTRE, size=14, bold=True)
    write(document.add_paragraph(), data["title"], CENTRE, bold=True)
    write(document.add_paragraph(), data["addressee"], CENTRE)
    for text in data["paragraphs"]:
        write(document.add_paragraph(), text, indent=True)
    if picture:
        document.add_picture(io.BytesIO(picture), width=Cm(16.3))
        document.paragraphs[-1].alignment = CENTRE
        write(document.add_paragraph(), data["chart"]["title"], CENTRE, size=11, italic=True)
    write_signature(document, data)
    _annex(document, data)
    return to_bytes(document)


def _annex(document: Document, data: dict[str, Any]) -> None:
    _annex_head(document, data)
    if data["layout"] == "by_measure":
        _measured_table(document, data["sheet"])
    else:
        _field_table(document, data)


def _annex_head(document: Document, data: dict[str, Any]) -> None:
    section = document.add_section()
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Cm(29.7), Cm(21)
    section.left_margin, section.right_margin = Cm(2), Cm(1.5)
    write(document.add_paragraph(), data["form_number"], size=11, bold=True)
    write(document.add_paragraph(), f"{data['reporting_unit']}\n{data['receiving_unit']}", RIGHT, size=11)
    write(document.add_paragraph(), data["form_title"], CENTRE, size=12, bold=True)
    write(document.add_paragraph(), f"{data['period']}. {data['measured_in']}", size=11)


def _measured_table(document: Document, sheet: dict[str, Any]) -> None:
    headings, rows = sheet["headings"], sheet["rows"]
    table = document.add_table(2 + len(rows), len(headings), style="Table Grid")
    _cells(table.rows[0].cells, headings, size=9, bold=True)
    _cells(table.rows[1].cells, [f"({number})" for number in range(1, len(headings) + 1)], size=8)
    for index, row in enumerate(rows):
        cells = table.rows[2 + index].cells
        _cells(cells, row["cells"], size=9, bold=row["bold"])
        for column in sheet["left"]:
            cells[column].paragraphs[0].alignment = LEFT
    repeat_header(table, 2)
    set_widths(table, sheet["widths"])


def _field_table(document: Document, data: dict[str, Any]) -> None:
    heading, rows = data["heading"], data["rows"]
    table = document.add_table(3 + len(rows) + 1, 13, style="Table Grid")
    for column, title in ((0, heading["number"]), (1, heading["field"])):
        write(table.cell(0, column).merge(table.cell(1, column)).paragraphs[0], title, CENTRE, size=10, bold=True)
    at = 2
    for group in heading["groups"]:
        cell = table.cell(0, at).merge(table.cell(0, at + group["span"] - 1))
        write(cell.paragraphs[0], group["title"], CENTRE, size=10, bold=True)
        at += group["span"]
    _cells(table.rows[1].cells[2:], heading["columns"], size=8)
    _cells(table.rows[2].cells, [f"({number})" for number in range(1, 14)], size=8)
    for index, row in enumerate(rows):
        _cells(table.rows[3 + index].cells, [str(index + 1), row["field"], *row["counts"]])
        table.rows[3 + index].cells[1].paragraphs[0].alignment = LEFT
    _cells(table.rows[-1].cells, ["", data["total"]["label"], *data["total"]["counts"]], bold=True)
    repeat_header(table, 3)
    set_widths(table, [1.0, 6.7] + [1.68] * 11)


def _cells(cells: Sequence[Any], texts: Sequence[str], *, size: int = 10, bold: bool = False) -> None:
    for cell, text in zip(cells, texts, strict=True):
        write(cell.paragraphs[0], text, CENTRE, size=size, bold=bold)
