"""The report as DOCX, for whoever has to add a sentence; the same layout and words as the PDF.

Word's own Times New Roman, as NĐ 30/2020/NĐ-CP asks: a DOCX carries no fonts.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import docx
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from services.reporting import messages

CENTRE, LEFT, RIGHT = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.RIGHT


def write_docx(data: dict[str, Any], created: datetime) -> bytes:
    """The document of `Paper.content`; the same input gives the same bytes."""
    document = docx.Document()
    _prepare(document, data, created)
    _head(document, data)
    for text in data["paragraphs"]:
        _write(document.add_paragraph(), text, indent=True)
    _signature(document, data)
    _annex(document, data)
    draft = io.BytesIO()
    document.save(draft)
    return _without_times(draft.getvalue())


def _prepare(document: Document, data: dict[str, Any], created: datetime) -> None:
    style = document.styles["Normal"]
    style.font.name, style.font.size = "Times New Roman", Pt(13)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), "Times New Roman")
    style.paragraph_format.space_after = Pt(4)
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.top_margin = section.bottom_margin = Cm(2)
    section.left_margin, section.right_margin = Cm(3), Cm(1.5)
    about = document.core_properties
    about.title, about.author, about.comments = data["title"], " ".join(data["agency"]), ""
    about.created = about.modified = created.replace(tzinfo=None, microsecond=0)


def _head(document: Document, data: dict[str, Any]) -> None:
    table = document.add_table(2, 2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _widths(table, [6.3, 10.2])
    cells = [cell.paragraphs[0] for row in table.rows for cell in row.cells]
    _write(cells[0], "\n".join(data["agency"]), CENTRE, size=12, bold=True)
    _write(cells[1], messages.NATION, CENTRE, size=12, bold=True)
    _write(table.cell(0, 1).add_paragraph(), messages.MOTTO, CENTRE, bold=True, underline=True)
    _write(cells[2], data["number"], CENTRE)
    _write(cells[3], data["place"], CENTRE, italic=True)
    _write(document.add_paragraph(), messages.REPORT, CENTRE, size=14, bold=True)
    _write(document.add_paragraph(), data["title"], CENTRE, bold=True)
    _write(document.add_paragraph(), data["addressee"], CENTRE)


def _signature(document: Document, data: dict[str, Any]) -> None:
    left, right = document.add_table(1, 2).rows[0].cells
    _write(left.paragraphs[0], messages.RECIPIENTS, size=12, bold=True, italic=True)
    for one in data["recipients"]:
        _write(left.add_paragraph(), f"- {one}", size=11)
    _write(right.paragraphs[0], "\n".join(data["signed_as"]), CENTRE, bold=True)
    for _ in range(4):
        right.add_paragraph()


def _annex(document: Document, data: dict[str, Any]) -> None:
    section = document.add_section()
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Cm(29.7), Cm(21)
    section.left_margin, section.right_margin = Cm(2), Cm(1.5)
    _write(document.add_paragraph(), data["form_number"], size=11, bold=True)
    _write(document.add_paragraph(), f"{data['reporting_unit']}\n{data['receiving_unit']}", RIGHT, size=11)
    _write(document.add_paragraph(), data["form_title"], CENTRE, size=12, bold=True)
    _write(document.add_paragraph(), f"{data['period']}. {data['measured_in']}", size=11)
    heading, rows = data["heading"], data["rows"]
    table = document.add_table(3 + len(rows) + 1, 13, style="Table Grid")
    for column, title in ((0, heading["number"]), (1, heading["field"])):
        _write(table.cell(0, column).merge(table.cell(1, column)).paragraphs[0], title, CENTRE, size=10, bold=True)
    at = 2
    for group in heading["groups"]:
        cell = table.cell(0, at).merge(table.cell(0, at + group["span"] - 1))
        _write(cell.paragraphs[0], group["title"], CENTRE, size=10, bold=True)
        at += group["span"]
    _cells(table.rows[1].cells[2:], heading["columns"], size=8)
    _cells(table.rows[2].cells, [f"({number})" for number in range(1, 14)], size=8)
    for index, row in enumerate(rows):
        _cells(table.rows[3 + index].cells, [str(index + 1), row["field"], *row["counts"]])
        table.rows[3 + index].cells[1].paragraphs[0].alignment = LEFT
    _cells(table.rows[-1].cells, ["", data["total"]["label"], *data["total"]["counts"]], bold=True)
    _widths(table, [1.0, 6.7] + [1.68] * 11)


def _widths(table: Any, centimetres: Sequence[float]) -> None:
    table.autofit = False  # Word and LibreOffice else share the width out evenly
    for column, width in zip(table.columns, centimetres, strict=True):
        column.width = Cm(width)
        for cell in column.cells:
            cell.width = Cm(width)


def _cells(cells: Sequence[Any], texts: Sequence[str], *, size: int = 10, bold: bool = False) -> None:
    for cell, text in zip(cells, texts, strict=True):
        _write(cell.paragraphs[0], text, CENTRE, size=size, bold=bold)


def _write(
    paragraph: Any,
    text: str,
    alignment: WD_ALIGN_PARAGRAPH | None = None,
    *,
    size: int = 13,
    bold: bool = False,
    italic: bool = False,
    underline: bool = False,
    indent: bool = False,
) -> None:
    run = paragraph.add_run(text)
    run.bold, run.italic, run.underline, run.font.size = bold, italic, underline, Pt(size)
    paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY if indent else alignment
    if indent:
        paragraph.paragraph_format.first_line_indent = Cm(1)


def _without_times(content: bytes) -> bytes:
    """The same archive without the clock: python-docx stamps each part with the present time."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as draft, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in draft.namelist():
            part = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            archive.writestr(part, draft.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()
