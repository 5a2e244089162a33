"""Form II.06a as an XLSX sheet with its official headings and 13 numbered columns; totals are formulas that agree."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from services.reporting import messages
from services.reporting.documents.form import period_title
from services.reporting.domain import COLUMNS
from services.reporting.forms.model import ByField

ROW_HEIGHT, LINE = 16, 44
"""Points of one line, and letters of a field that fit into it: programs differ in whether they stretch rows by themselves."""
FIRST_ROW = 8
"""Rows 0–3 are the head of the form, 4–6 its headings, 7 the numbers (1) … (13)."""


def write_xlsx(form: ByField, figures: dict[str, Any], *, unit_name: str, period: str, created: datetime) -> bytes:
    """The form as a workbook; the same input gives the same bytes."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"title": form.title_vi, "company": unit_name, "created": created.replace(tzinfo=None)})
    sheet = book.add_worksheet(form.form)
    base = {"font_name": "Times New Roman", "font_size": 11, "valign": "vcenter", "text_wrap": True}
    styles = {
        "plain": book.add_format(base),
        "bold": book.add_format({**base, "bold": True}),
        "title": book.add_format({**base, "bold": True, "align": "center", "font_size": 13}),
        "head": book.add_format({**base, "bold": True, "align": "center", "border": 1}),
        "number": book.add_format({**base, "italic": True, "align": "center", "border": 1, "font_size": 9}),
        "cell": book.add_format({**base, "border": 1}),
        "order": book.add_format({**base, "border": 1, "align": "center"}),
        "count": book.add_format({**base, "border": 1, "num_format": "#,##0"}),
        "total": book.add_format({**base, "border": 1, "bold": True, "num_format": "#,##0"}),
    }
    _head(sheet, form, figures, unit_name, period, styles)
    _headings(sheet, form, styles)
    _rows(sheet, figures, styles)
    _chart(book, form.form, figures)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(4, FIRST_ROW - 1)
    sheet.freeze_panes(FIRST_ROW, 2)
    book.close()
    return out.getvalue()


def _head(
    sheet: Any, form: ByField, figures: dict[str, Any], unit_name: str, period: str, styles: dict[str, Any]
) -> None:
    begin, end = (date.fromisoformat(figures[name]).strftime("%d/%m/%Y") for name in ("from", "to"))
    sheet.merge_range(0, 0, 0, 3, form.number_vi, styles["bold"])
    sheet.merge_range(0, 8, 0, 12, messages.REPORTING_UNIT.format(unit=unit_name), styles["plain"])
    sheet.merge_range(1, 8, 1, 12, messages.RECEIVING_UNIT.format(receiver=form.receiver_vi), styles["plain"])
    sheet.merge_range(2, 0, 2, 12, form.title_vi, styles["title"])
    sheet.merge_range(
        3, 0, 3, 8, messages.PERIOD.format(title=period_title(period), begin=begin, end=end), styles["plain"]
    )
    sheet.merge_range(3, 9, 3, 12, form.measured_in_vi, styles["plain"])
    sheet.set_row(2, 36)
    sheet.set_column(0, 0, 5)
    sheet.set_column(1, 1, 42)
    sheet.set_column(2, 12, 11)


def _headings(sheet: Any, form: ByField, styles: dict[str, Any]) -> None:
    sheet.merge_range(4, 0, 6, 0, form.number_vi_heading, styles["head"])
    sheet.merge_range(4, 1, 6, 1, form.field_vi_heading, styles["head"])
    sheet.set_row(6, 62)
    at = 2
    for group in form.groups:
        sheet.merge_range(4, at, 5, at + len(group.columns) - 1, group.title_vi, styles["head"])
        for column in group.columns:
            sheet.write(6, at, form.columns[column], styles["head"])
            at += 1
    for number in range(13):
        sheet.write(7, number, f"({number + 1})", styles["number"])


def _rows(sheet: Any, figures: dict[str, Any], styles: dict[str, Any]) -> None:
    rows = figures["rows"]
    for index, row in enumerate(rows):
        sheet.set_row(FIRST_ROW + index, ROW_HEIGHT * -(-len(row["field"]) // LINE))
        sheet.write(FIRST_ROW + index, 0, index + 1, styles["order"])
        sheet.write(FIRST_ROW + index, 1, row["field"], styles["cell"])
        for offset, column in enumerate(COLUMNS):
            sheet.write_number(FIRST_ROW + index, 2 + offset, row[column], styles["count"])
    last = FIRST_ROW + len(rows)
    sheet.merge_range(last, 0, last, 1, messages.TOTAL, styles["total"])
    for offset, column in enumerate(COLUMNS):
        first, final = (xl_rowcol_to_cell(line, 2 + offset) for line in (FIRST_ROW, max(FIRST_ROW, last - 1)))
        value = figures["total"][column]
        if rows:
            sheet.write_formula(last, 2 + offset, f"=SUM({first}:{final})", styles["total"], value)
        else:
            sheet.write_number(last, 2 + offset, value, styles["total"])


def _chart(book: Any, name: str, figures: dict[str, Any]) -> None:
    """What was done, early, on time and late, by field: native, it follows the cells."""
    rows = figures["rows"]
    if not rows:
        return
    chart, last = book.add_chart({"type": "bar", "subtype": "stacked"}), FIRST_ROW + len(rows) - 1
    for title, column, colour in zip(messages.CHART_LEGEND, (7, 8, 9), ("#2f6b9a", "#8fb8d8", "#c0392b"), strict=True):
        chart.add_series({
            "name": title, "categories": [name, FIRST_ROW, 1, last, 1], "values": [name, FIRST_ROW, column, last, column],
            "fill": {"color": colour}, "gap": 60,
        })  # fmt: skip
    chart.set_title({"name": messages.CHART_SHEET_TITLE, "name_font": {"size": 12}})
    chart.set_y_axis({"reverse": True, "num_font": {"size": 9}})
    chart.set_x_axis({"major_gridlines": {"visible": True, "line": {"color": "#dddddd"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 980, "height": 140 + 26 * len(rows)})
    sheet = book.add_worksheet(messages.CHART_SHEET)
    sheet.insert_chart(0, 0, chart)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 1)
