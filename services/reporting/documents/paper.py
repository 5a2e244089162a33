"""The report as a PDF in the layout of an administrative document (NĐ 30/2020/NĐ-CP), with the form as its annex.

Set with the fonts that come inside typst; fonts of the machine are never looked at, so the bytes are the same anywhere.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import typst
from pydantic import Field

from services.reporting import messages
from services.reporting.documents.form import Form, period_title
from services.reporting.domain import COLUMNS
from shared.rules import RuleModel, load
from shared.units import Unit


class Issuer(RuleModel):
    """Who issues a report and signs it, where, and who receives it."""

    agency_vi: list[str]
    number_vi: str
    place_vi: str
    addressee_vi: str
    signed_as_vi: list[str]
    recipients_vi: list[str]


class Deviation(RuleModel):
    """What one unit does otherwise."""

    agency_vi: list[str] | None = None
    number_vi: str | None = None
    place_vi: str | None = None
    addressee_vi: str | None = None
    signed_as_vi: list[str] | None = None
    recipients_vi: list[str] | None = None


class Administration(RuleModel):
    """`administration.yaml`."""

    default: Issuer
    units: dict[str, Deviation] = Field(default_factory=dict)


class Paper:
    """Sets reports with the template and the issuers of the rule folder."""

    def __init__(self, rules: Path, form: Form) -> None:
        self._rules = load(rules / "forms" / "administration.yaml", Administration)
        self._template = (rules / "forms" / "templates" / "report.typ").read_bytes()
        self._form = form

    def content(self, report: dict[str, Any], unit: Unit, signed_at: datetime) -> dict[str, Any]:
        """Every text of the document; `signed_at` in local time gives its date."""
        return {**self._issuer(unit, signed_at), **self._figures(report, unit)}

    def write_pdf(self, data: dict[str, Any], signed_at: datetime) -> bytes:
        """The content as PDF; the same input gives the same bytes."""
        made = typst.compile(
            self._template,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            timestamp=signed_at.replace(microsecond=0),
        )
        assert isinstance(made, bytes)
        return made

    def _issuer(self, unit: Unit, signed_at: datetime) -> dict[str, Any]:
        kind, name = split_name(unit.name)
        words = {
            "kind": kind,
            "name": name,
            "KIND": kind.upper(),
            "NAME": name.upper(),
            "province": lower_first(unit.province_name),
        }
        issuer = self._rules.default.model_dump()
        if deviation := self._rules.units.get(unit.code):
            issuer |= deviation.model_dump(exclude_none=True)
        filled = {
            key.removesuffix("_vi"): [one.format(**words) for one in value] if isinstance(value, list) else value.format(**words)
            for key, value in issuer.items()
        }  # fmt: skip
        filled["place"] = messages.PLACE_AND_DATE.format(
            place=filled["place"], day=_padded(signed_at.day, 9), month=_padded(signed_at.month, 2), year=signed_at.year
        )
        return filled

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


def split_name(name: str) -> tuple[str, str]:
    """`Xã Bình Giang` → `xã`, `Bình Giang`."""
    for kind in messages.KINDS:
        if name.lower().startswith(f"{kind} "):
            return kind, name[len(kind) + 1 :]
    return "", name


def lower_first(name: str) -> str:
    """A name inside a sentence: `thành phố Hải Phòng`, `quý IV/2025`."""
    return name[:1].lower() + name[1:]


def number(count: int) -> str:
    """Thousands with a point, as Vietnamese is written: 12.345."""
    return f"{count:,}".replace(",", ".")


def share(part: int, whole: int) -> str:
    """Percent with one digit, cut and not rounded: 99,96 % is never printed as 100 %."""
    return f"{part * 1000 // whole // 10},{part * 1000 // whole % 10}%" if whole else "–"


def _padded(value: int, up_to: int) -> str:
    # NĐ 30/2020, Phụ lục I: a zero before days below 10 and months 1 and 2
    return f"{value:02d}" if value <= up_to else str(value)
