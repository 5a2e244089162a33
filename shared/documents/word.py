"""DOCX in the layout of an administrative document, for whoever has to add a sentence.

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
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from shared.documents import messages

CENTRE, LEFT, RIGHT = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.RIGHT


def new_document(data: dict[str, Any], created: datetime) -> Document:
    """An empty A4 page with the margins and the type of NĐ 30/2020; `data` gives `title` and `agency`."""
    document = docx.Document()
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
    return document


def write_head(document: Document, data: dict[str, Any]) -> None:
    """Agency and nation, number and place: `agency` (lines), `number`, `place`."""
    table = document.add_table(2, 2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    set_widths(table, [6.9, 9.6])
    cells = [cell.paragraphs[0] for row in table.rows for cell in row.cells]
    write(cells[0], "\n".join(data["agency"]), CENTRE, size=12, bold=True)
    write(cells[1], messages.NATION, CENTRE, size=12, bold=True)
    write(table.cell(0, 1).add_paragraph(), messages.MOTTO, CENTRE, bold=True, underline=True)
    write(cells[2], data["number"], CENTRE)
    write(cells[3], data["place"], CENTRE, italic=True)


def write_signature(document: Document, data: dict[str, Any]) -> None:
    """Recipients and the block of the signer: `recipients`, `signed_as` (lines), and `signer` when there is one."""
    left, right = document.add_table(1, 2).rows[0].cells
    write(left.paragraphs[0], messages.RECIPIENTS, size=12, bold=True, italic=True)
    for one in data["recipients"]:
        line = left.add_paragraph()
        line.paragraph_format.space_after = Pt(0)
        write(line, f"- {one}", size=11)
    write(right.paragraphs[0], "\n".join(data["signed_as"]), CENTRE, bold=True)
    for _ in range(4):
        right.add_paragraph()
    if data.get("signer"):
        write(right.add_paragraph(), data["signer"], CENTRE, bold=True)


def set_widths(table: Any, centimetres: Sequence[float]) -> None:
    """Fix the widths of a table's columns."""
    table.autofit = False  # Word and LibreOffice else share the width out evenly
    for column, width in zip(table.columns, centimetres, strict=True):
        column.width = Cm(width)
        for cell in column.cells:
            cell.width = Cm(width)


def repeat_header(table: Any, lines: int) -> None:
    """Print the first lines of a table anew on every page that it runs over, and break no row in two."""
    for number, row in enumerate(table.rows):
        properties = row._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
        if number < lines:
            properties.append(OxmlElement("w:tblHeader"))


def write(
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
    """Add a run to a paragraph; `indent` makes it one of the body, justified."""
    run = paragraph.add_run(text)
    run.bold, run.italic, run.underline, run.font.size = bold, italic, underline, Pt(size)
    paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY if indent else alignment
    if indent:
        paragraph.paragraph_format.first_line_indent = Cm(1)


def to_bytes(document: Document) -> bytes:
    """The document without the clock: python-docx stamps each part with the present time."""
    draft, out = io.BytesIO(), io.BytesIO()
    document.save(draft)
    with zipfile.ZipFile(draft) as made, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in made.namelist():
            part = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            archive.writestr(part, made.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()
