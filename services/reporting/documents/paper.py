"""A report as PDF, DOCX and XLSX in the layout of an administrative document (NĐ 30/2020/NĐ-CP), the form as its annex."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from services.reporting.documents.content import content_of
from services.reporting.documents.letter import write_docx
from services.reporting.documents.measured import write_measured
from services.reporting.documents.workbook import write_xlsx
from services.reporting.forms.loading import FormInForce
from services.reporting.forms.model import ByField
from shared.documents import Administration, Template, issued_by, place_and_date, words_of
from shared.rules import load
from shared.units import Unit

_CHART = "forms/templates/chart.typ"


class Paper:
    """Sets reports with the templates and the issuers of the rule folder."""

    def __init__(self, rules: Path) -> None:
        self._rules = load(rules / "forms" / "administration.yaml", Administration)
        self._template = Template(rules, _CHART, "forms/templates/report.typ")
        self._picture = Template(rules, _CHART, "forms/templates/picture.typ")

    def content(self, form: FormInForce, report: dict[str, Any], unit: Unit, signed_at: datetime) -> dict[str, Any]:
        """Every text of the document; `signed_at` in local time gives its date."""
        return {**self._issuer(unit, signed_at), **content_of(form, report, unit)}

    def write_pdf(self, content: dict[str, Any], signed_at: datetime) -> bytes:
        """The content as PDF; the same input gives the same bytes."""
        return self._template.write_pdf(content, signed_at)

    def write_docx(self, content: dict[str, Any], signed_at: datetime) -> bytes:
        """The content as DOCX, with its chart as a picture; the same input gives the same bytes."""
        picture = self._picture.write_png(content["chart"]) if content["chart"]["rows"] else b""
        return write_docx(content, signed_at, picture)

    def write_xlsx(self, form: FormInForce, report: dict[str, Any], unit: Unit, signed_at: datetime) -> bytes:
        """The form as a workbook with formulas; the same input gives the same bytes."""
        figures, period = report["figures"], report["period"]
        if isinstance(form.rules, ByField):
            return write_xlsx(form.rules, figures, unit_name=unit.name, period=period, created=signed_at)
        name = form.agency_name or unit.name
        return write_measured(form, form.rules, figures, unit_name=name, period=period, created=signed_at)

    def _issuer(self, unit: Unit, signed_at: datetime) -> dict[str, Any]:
        filled = issued_by(self._rules.of(unit.code), words_of(unit))
        return {**filled, "place": place_and_date(filled["place"], signed_at)}
