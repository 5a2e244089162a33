"""A form with one row a measure as XLSX: numbered columns, shares and sums as formulas that agree, a chart of its own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from services.reporting import messages
from services.reporting.documents.content import chart_of, note_of, table_of, target_of
from services.reporting.documents.form import period_title
from services.reporting.forms.loading import FormInForce
from services.reporting.forms.model import ByMeasure, Row

FIRST_ROW = 6
"""Rows 0–3 are the head of the form, 4 its headings, 5 the numbers (1) …"""
HIT, BASE, UNKNOWN, VALUE = 2, 3, 4, 5
LINE, HEIGHT = 46, 15.5


def write_measured(
    form: FormInForce, rules: ByMeasure, figures: dict[str, Any], *, unit_name: str, period: str, created: datetime
) -> bytes:
    """The form as a workbook; the same input gives the same bytes."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": rules.title_vi, "company": unit_name, "created": created.replace(tzinfo=None)})
    sheet, styles = book.add_worksheet(form.code.replace("@", " ")[:31]), _styles(book)
    table = table_of(rules, figures["rows"])
    last = len(table["headings"]) - 1
    begin, end = (date.fromisoformat(figures[name]).strftime("%d/%m/%Y") for name in ("from", "to"))
    sheet.merge_range(0, 0, 0, 1, rules.number_vi, styles["bold"])
    sheet.merge_range(0, 3, 0, last, messages.REPORTING_UNIT.format(unit=unit_name), styles["plain"])
    sheet.merge_range(1, 3, 1, last, messages.RECEIVING_UNIT.format(receiver=rules.receiver_vi), styles["plain"])
    sheet.merge_range(2, 0, 2, last, rules.title_vi, styles["title"])
    said = messages.PERIOD.format(title=period_title(period), begin=begin, end=end)
    sheet.merge_range(3, 0, 3, last, f"{said}. {rules.measured_in_vi}", styles["centre"])
    sheet.set_row(2, 36)
    sheet.set_row(4, 48)
    for column, (heading, width) in enumerate(zip(table["headings"], table["widths"], strict=True)):
        sheet.set_column(column, column, width * 4.6)
        sheet.write_string(4, column, heading, styles["head"])
        sheet.write_string(5, column, f"({column + 1})", styles["number"])
    lines = {row["id"]: FIRST_ROW + number for number, row in enumerate(figures["rows"])}
    by_id = {row.id: row for row in form.rows}
    for row in figures["rows"]:
        _row(sheet, rules, row, by_id[row["id"]], lines, styles, last)
    _chart(book, rules, figures["rows"])
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(4, FIRST_ROW - 1)
    sheet.freeze_panes(FIRST_ROW, 2)
    book.close()
    return out.getvalue()


def _styles(book: Any) -> dict[str, Any]:
    base = {"font_name": "Times New Roman", "font_size": 11, "valign": "vcenter", "text_wrap": True}
    cell = {**base, "border": 1}
    return {
        "plain": book.add_format(base),
        "bold": book.add_format({**base, "bold": True}),
        "centre": book.add_format({**base, "align": "center", "italic": True}),
        "title": book.add_format({**base, "bold": True, "align": "center", "font_size": 13}),
        "head": book.add_format({**cell, "bold": True, "align": "center"}),
        "number": book.add_format({**cell, "italic": True, "align": "center", "font_size": 9}),
        "text": book.add_format(cell),
        "mid": book.add_format({**cell, "align": "center"}),
        "heading": book.add_format({**cell, "bold": True}),
        "midheading": book.add_format({**cell, "bold": True, "align": "center"}),
        "count": book.add_format({**cell, "num_format": "#,##0", "align": "center"}),
        "share": book.add_format({**cell, "num_format": "0.0%", "align": "center"}),
        "points": book.add_format({**cell, "num_format": "0.00", "align": "center"}),
        "sum": book.add_format({**cell, "num_format": "0.00", "align": "center", "bold": True}),
        "note": book.add_format({**cell, "italic": True, "font_size": 9}),
    }


def _row(
    sheet: Any, rules: ByMeasure, row: dict[str, Any], rule: Row, lines: Mapping[str, int], styles: Mapping[str, Any],
    last: int,
) -> None:  # fmt: skip
    line, is_head = lines[row["id"]], row["kind"] in ("text", "sum")
    note = note_of(row)
    tall = max(-(-len(row["title_vi"]) // LINE), -(-len(note) // 26), 1)
    sheet.set_row(line, HEIGHT * tall)
    sheet.write_string(line, 0, row["label"], styles["midheading" if is_head else "mid"])
    sheet.write_string(line, 1, row["title_vi"], styles["heading" if is_head else "text"])
    for column, name in ((HIT, "hit"), (BASE, "base"), (UNKNOWN, "unknown")):
        _number(sheet, line, column, row.get(name), styles)
    _value(sheet, line, row, styles)
    at = VALUE + 1
    if rules.has_targets:
        sheet.write_string(line, at, target_of(row), styles["mid"])
        sheet.write_string(line, at + 1, messages.VERDICTS.get(row.get("verdict", ""), ""), styles["mid"])
        at += 2
    if rules.is_index:
        _points(sheet, line, at, row, rule, lines, styles)
    sheet.write_string(line, last, note, styles["note"])


def _number(sheet: Any, line: int, column: int, count: int | None, styles: Mapping[str, Any]) -> None:
    if count is None:
        sheet.write_blank(line, column, None, styles["mid"])
    else:
        sheet.write_number(line, column, count, styles["count"])


def _value(sheet: Any, line: int, row: dict[str, Any], styles: Mapping[str, Any]) -> None:
    if row["kind"] == "count" and row["count"] is not None:
        sheet.write_number(line, VALUE, row["count"], styles["count"])
    elif row.get("base") is not None:
        hit, base = (xl_rowcol_to_cell(line, column) for column in (HIT, BASE))
        # cut, not rounded: 99,96 % is never shown as 100 %
        shown = row["hit"] * 1000 // row["base"] / 1000 if row["base"] else "–"
        formula = f'=IF({base}=0,"–",ROUNDDOWN(ROUND({hit}/{base},9),3))'
        sheet.write_formula(line, VALUE, formula, styles["share"], shown)
    else:
        sheet.write_string(line, VALUE, "" if row["kind"] in ("text", "sum") or "max" in row else "–", styles["mid"])


def _points(
    sheet: Any, line: int, at: int, row: dict[str, Any], rule: Row, lines: Mapping[str, int], styles: Mapping[str, Any]
) -> None:
    style = styles["sum" if row["kind"] == "sum" else "points"]
    if "max" not in row:
        for column in range(at, at + 4):
            sheet.write_blank(line, column, None, styles["mid"])
        return
    sheet.write_number(line, at, row["max"], styles["count"])
    own = xl_rowcol_to_cell(line, at + 1)
    if row["score"] is None:
        sheet.write_string(line, at + 1, "–", styles["mid"])
    elif row["kind"] == "sum":
        parts = "+".join(xl_rowcol_to_cell(lines[one], at + 1) for one in rule.sum_of)
        sheet.write_formula(line, at + 1, f"={parts}", style, float(row["score"]))
    elif row.get("base"):
        hit, base, most = (xl_rowcol_to_cell(line, column) for column in (HIT, BASE, at))
        full_at = rule.score.full_at if rule.score else 100
        formula = f"=ROUNDDOWN(ROUND(MIN({most},{most}*{hit}/{base}*100/{full_at}),9),2)"
        sheet.write_formula(line, at + 1, formula, style, float(row["score"]))
    else:
        sheet.write_number(line, at + 1, float(row["score"]), style)
    published = row.get("published")
    if published is None:
        for column in (at + 2, at + 3):
            sheet.write_blank(line, column, None, styles["mid"])
        return
    sheet.write_number(line, at + 2, float(published["score"]), style)
    if row["difference"] is None:
        sheet.write_blank(line, at + 3, None, styles["mid"])
    else:
        formula = f"=ROUND({xl_rowcol_to_cell(line, at + 2)}-{own},3)"
        sheet.write_formula(line, at + 3, formula, style, float(row["difference"]))


def _chart(book: Any, rules: ByMeasure, rows: list[dict[str, Any]]) -> None:
    bars = chart_of(rules, rows)["rows"]
    if not bars:
        return
    sheet = book.add_worksheet(messages.CHART_SHEET)
    sheet.set_column(0, 0, 60)
    for line, bar in enumerate(bars):
        sheet.write_string(line, 0, bar["label"])
        sheet.write_number(line, 1, bar["permille"] / 10)
        if bar["target"] is not None:
            sheet.write_number(line, 2, bar["target"])
    chart, last = book.add_chart({"type": "bar"}), len(bars) - 1
    name = messages.CHART_SHEET
    chart.add_series({
        "name": rules.headings.value_vi, "categories": [name, 0, 0, last, 0], "values": [name, 0, 1, last, 1],
        "fill": {"color": "#2f6b9a"}, "data_labels": {"value": True}, "gap": 60,
    })  # fmt: skip
    if any(bar["target"] is not None for bar in bars):
        chart.add_series({
            "name": rules.headings.target_vi, "categories": [name, 0, 0, last, 0], "values": [name, 0, 2, last, 2],
            "fill": {"color": "#b8c4ce"},
        })  # fmt: skip
    chart.set_title({"name": rules.chart_vi, "name_font": {"size": 12}})
    chart.set_y_axis({"reverse": True, "num_font": {"size": 9}})
    chart.set_x_axis({"min": 0, "max": 100, "major_gridlines": {"visible": True, "line": {"color": "#dddddd"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 980, "height": 120 + 40 * len(bars)})
    sheet.insert_chart(len(bars) + 1, 0, chart)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 1)
