"""The report as a PDF in the layout of an administrative document (NĐ 30/2020/NĐ-CP), with the form as its annex."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from services.reporting import messages
from services.reporting.documents.form import Form, period_title
from services.reporting.domain import COLUMNS
from shared.documents import Administration, Template, issued_by, lower_first, place_and_date, words_of
from shared.rules import load
from shared.units import Unit


class Paper:
    """Sets reports with the template and the issuers of the rule folder."""

    def __init__(self, rules: Path, form: Form) -> None:
        self._rules = load(rules / "forms" / "administration.yaml", Administration)
        self._template = Template(rules, "forms/templates/report.typ")
        self._form = form

    def content(self, report: dict[str, Any], unit: Unit, signed_at: datetime) -> dict[str, Any]:
        """Every text of the document; `signed_at` in local time gives its date."""
        return {**self._issuer(unit, signed_at), **self._figures(report, unit)}

    def write_pdf(self, data: dict[str, Any], signed_at: datetime) -> bytes:
        """The content as PDF; the same input gives the same bytes."""
        return self._template.write_pdf(data, signed_at)

    def _issuer(self, unit: Unit, signed_at: datetime) -> dict[str, Any]:
        filled = issued_by(self._rules.of(unit.code), words_of(unit))
        return {**filled, "place": place_and_date(filled["place"], signed_at)}

    def _figures(self, report: dict[str, Any], unit: Unit) -> dict[str, Any]:
        figures, form = report["figures"], self._form
        begin, end = (date.fromisoformat(figures[name]).strftime("%d/%m/%Y") for name in ("from", "to"))
        period = period_title(report["period"])
        total = {column: number(count) for column, count in figures["total"].items()}
        on_time = figures["total"]["c8"] + figures["total"]["c9"]
        words = {
            **total, "period": lower_first(period), "begin": begin, "end": end, "unit": lower_first(unit.name),
            "rate": share(on_time, figures["total"]["c7"]), "superseded": report["supersedes"] or "",
        }  # fmt: skip
        paragraphs = [*messages.PARAGRAPHS, *([messages.RESTATED] if report["supersedes"] else [])]
        chosen = sorted(figures["rows"], key=lambda row: (-row["c7"], row["field"]))[:8]
        return {
            "title": messages.REPORT_TITLE.format(period=period), "version": report["version"],
            "fingerprint": report["fingerprint"], "paragraphs": [one.format(**words) for one in paragraphs],
            "chart": {
                "title": messages.CHART_TITLE, "legend": list(messages.CHART_LEGEND),
                "longest": max((row["c7"] for row in chosen), default=1),
                "rows": [{"label": row["field"], "values": [row["c8"], row["c9"], row["c10"]]} for row in chosen],
            },
            "form_number": form.number_vi, "form_title": form.title_vi, "measured_in": form.measured_in_vi,
            "reporting_unit": messages.REPORTING_UNIT.format(unit=unit.name),
            "receiving_unit": messages.RECEIVING_UNIT.format(receiver=form.receiver_vi),
            "period": messages.PERIOD.format(title=period, begin=begin, end=end),
            "heading": {
                "number": form.number_vi_heading, "field": form.field_vi_heading,
                "groups": [{"title": one.title_vi, "span": len(one.columns)} for one in form.groups],
                "columns": [form.columns[column] for column in COLUMNS],
            },
            "rows": [
                {"field": row["field"], "counts": [number(row[column]) for column in COLUMNS]}
                for row in figures["rows"]
            ],
            "total": {"label": messages.TOTAL, "counts": list(total.values())},
        }  # fmt: skip


def number(count: int) -> str:
    """Thousands with a point, as Vietnamese is written: 12.345."""
    return f"{count:,}".replace(",", ".")


def share(part: int, whole: int) -> str:
    """Percent with one digit, cut and not rounded: 99,96 % is never printed as 100 %."""
    return f"{part * 1000 // whole // 10},{part * 1000 // whole % 10}%" if whole else "–"
