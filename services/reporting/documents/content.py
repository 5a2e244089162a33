"""Every text of a report's document: what letter, chart and annex say, by the shape of its form."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.reporting import messages
from services.reporting.documents.form import period_title
from services.reporting.domain import COLUMNS
from services.reporting.forms.loading import FormInForce
from services.reporting.forms.model import ByField, ByMeasure
from shared.documents import lower_first
from shared.units import Unit

MOST_BARS = 10
"""With more the signature of the letter would stand alone on a page."""


def content_of(form: FormInForce, report: dict[str, Any], unit: Unit) -> dict[str, Any]:
    """The texts of the letter, the chart's numbers and the annex."""
    figures, rules = report["figures"], form.rules
    begin, end = (date.fromisoformat(figures[name]).strftime("%d/%m/%Y") for name in ("from", "to"))
    period = period_title(report["period"])
    words = {
        "period": lower_first(period), "begin": begin, "end": end, "unit": lower_first(unit.name),
        "agency": form.agency_name or messages.WHOLE_UNIT, "superseded": report["supersedes"] or "",
    }  # fmt: skip
    own = _by_field(rules, figures, words) if isinstance(rules, ByField) else _by_measure(form, rules, figures, words)
    paragraphs = [*own["paragraphs"], *([messages.RESTATED.format(**words)] if report["supersedes"] else [])]
    return {
        **own, "layout": rules.shape, "paragraphs": paragraphs, "version": report["version"],
        "fingerprint": report["fingerprint"], "form_number": rules.number_vi, "form_title": rules.title_vi,
        "measured_in": rules.measured_in_vi,
        "reporting_unit": messages.REPORTING_UNIT.format(unit=form.agency_name or unit.name),
        "receiving_unit": messages.RECEIVING_UNIT.format(receiver=rules.receiver_vi),
        "period": messages.PERIOD.format(title=period, begin=begin, end=end),
    }  # fmt: skip


def _by_field(rules: ByField, figures: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    total = {column: number(count) for column, count in figures["total"].items()}
    on_time = figures["total"]["c8"] + figures["total"]["c9"]
    said = {**words, **total, "rate": share(on_time, figures["total"]["c7"])}
    chosen = sorted(figures["rows"], key=lambda row: (-row["c7"], row["field"]))[:8]
    return {
        "title": messages.REPORT_TITLE.format(period=period_words(words)),
        "paragraphs": [one.format(**said) for one in messages.PARAGRAPHS],
        "chart": {
            "kind": "stacked", "title": messages.CHART_TITLE, "legend": list(messages.CHART_LEGEND),
            "longest": max((row["c7"] for row in chosen), default=1),
            "rows": [{"label": row["field"], "values": [row["c8"], row["c9"], row["c10"]]} for row in chosen],
        },
        "heading": {
            "number": rules.number_vi_heading, "field": rules.field_vi_heading,
            "groups": [{"title": one.title_vi, "span": len(one.columns)} for one in rules.groups],
            "columns": [rules.columns[column] for column in COLUMNS],
        },
        "rows": [
            {"field": row["field"], "counts": [number(row[column]) for column in COLUMNS]} for row in figures["rows"]
        ],
        "total": {"label": messages.TOTAL, "counts": list(total.values())},
    }  # fmt: skip


def period_words(words: dict[str, Any]) -> str:
    """The period as a title names it: `Quý IV/2025`."""
    return str(words["period"])[:1].upper() + str(words["period"])[1:]


def _by_measure(form: FormInForce, rules: ByMeasure, figures: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    rows = figures["rows"]
    return {
        "title": messages.MEASURED_TITLE.format(subject=rules.subject_vi, period=words["period"]),
        "paragraphs": [rules.intro_vi.format(**words), *_summary(rules, rows), messages.SEE_ANNEX.format(number=rules.number_vi)],
        **({"addressee": rules.addressee_vi} if rules.addressee_vi else {}),
        **({"signed_as": rules.signed_as_vi} if rules.signed_as_vi else {}),
        "chart": chart_of(rules, rows),
        "sheet": table_of(rules, rows),
    }  # fmt: skip


def _summary(rules: ByMeasure, rows: list[dict[str, Any]]) -> list[str]:
    """What a reader wants to know first: how many targets are met, or how many points there are."""
    if rules.is_index:
        last = rows[-1]
        if last["score"] is not None:
            return [messages.INDEX_SCORE.format(score=vi(last["score"]), most=last["max"])]
        return [messages.INDEX_INCOMPLETE.format(scored=vi(last["scored"]), of=last["scored_of"], most=last["max"])]
    verdicts = [row["verdict"] for row in rows if "verdict" in row]
    if verdicts:
        met, missed = (sum(one in wanted for one in verdicts) for wanted in (messages.GOOD, messages.BAD))
        bad = [lower_first(row["title_vi"].removeprefix("- ")) for row in rows if row.get("verdict") in messages.BAD]
        said = messages.TARGETS.format(all=len(verdicts), met=met, missed=missed, rest=len(verdicts) - met - missed)
        return [said, *([messages.TARGETS_MISSED.format(names="; ".join(bad))] if bad else [])]
    counted = [row for row in rows if row["kind"] == "count" and row["count"] is not None][:4]
    return [messages.COUNTED.format(figures="; ".join(f"{lower_first(one['title_vi'])}: {number(one['count'])}" for one in counted))] if counted else []  # fmt: skip


def chart_of(rules: ByMeasure, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares as bars with a mark at the target; of an index the points of its groups."""
    bars = [_points(row) for row in rows if row["kind"] == "sum"] if rules.is_index else [_bar(row) for row in rows]
    found = [one for one in bars if one is not None]
    judged = [one for one in found if one["target"] is not None]
    shown = (judged or found)[:MOST_BARS]  # what nobody asked for does not push aside what was
    with_target = any(one["target"] is not None for one in shown)
    legend = list(messages.RATES_LEGEND) if with_target else []
    return {"kind": "rates", "title": rules.chart_vi, "legend": legend, "rows": shown}


def _bar(row: dict[str, Any]) -> dict[str, Any] | None:
    if row["kind"] != "share" or not row["base"]:
        return None
    return {
        "label": f"{row['label']} {row['title_vi']}".strip(), "permille": row["hit"] * 1000 // row["base"],
        "text": vi_percent(row["percent"]), "target": row.get("at_least"), "missed": row.get("verdict") in messages.BAD,
    }  # fmt: skip


def _points(row: dict[str, Any]) -> dict[str, Any]:
    score = row["score"] if row["score"] is not None else row["scored"]
    text = f"{vi(score)}/{row['max']}" if row["score"] is not None else f"{vi(score)}/{row['scored_of']}*"
    if row["score"] is None and not row["scored_of"]:
        text = messages.NOT_SCORED
    of = row["max"] if row["score"] is not None else row["scored_of"] or 1
    return {
        "label": f"{row['label']} {row['title_vi']}".strip(), "permille": int(float(score) * 1000 // of), "text": text,
        "target": None, "missed": False,
    }  # fmt: skip


def table_of(rules: ByMeasure, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The annex as texts: `headings`, `widths` (cm), `left` (columns that are not centred), `rows` of cells."""
    words = rules.headings
    headings = [words.number_vi, words.title_vi, words.hit_vi, words.base_vi, words.unknown_vi, words.value_vi]
    widths = [1.9, 8.4, 2.0, 2.0, 1.7, 2.2]
    if rules.has_targets:
        headings, widths = [*headings, words.target_vi, words.verdict_vi], [*widths, 2.3, 2.0]
    if rules.is_index:
        headings, widths = [*headings, *messages.INDEX_HEADINGS], [*widths, 1.3, 1.5, 1.6, 1.7]
    widths[1] = round(widths[1] + 26.2 - sum(widths) - 4.4, 2)
    headings, widths = [*headings, messages.NOTE], [*widths, 4.4]
    shown = [{"bold": row["kind"] in ("text", "sum"), "cells": _cells(rules, row)} for row in rows]
    return {"headings": headings, "widths": widths, "left": [1, len(headings) - 1], "rows": shown}


def _cells(rules: ByMeasure, row: dict[str, Any]) -> list[str]:
    cells = [row["label"], row["title_vi"], *(_number(row.get(name)) for name in ("hit", "base", "unknown"))]
    cells.append(value_of(row))
    if rules.has_targets:
        cells += [target_of(row), messages.VERDICTS.get(row.get("verdict", ""), "")]
    if rules.is_index:
        most = str(row["max"]) if "max" in row else ""
        published = (row.get("published") or {}).get("score")
        own = vi(row["score"]) if row.get("score") is not None else "–" if "max" in row else ""
        cells += [most, own, vi(published) if published else "", vi(row.get("difference") or "")]
    return [*cells, note_of(row)]


def value_of(row: dict[str, Any]) -> str:
    """The result as it is printed: a number, a share, or a dash where there is no value."""
    if row["kind"] == "count":
        return number(row["count"]) if row["count"] is not None else "–"
    if row["kind"] == "share" or (row["kind"] == "score" and "hit" in row):
        return vi_percent(row["percent"]) if row["percent"] else "–"
    return ""


def target_of(row: dict[str, Any]) -> str:
    """What is asked: `≥ 90%`, a rise, or nothing said yet."""
    if row.get("at_least") is not None:
        return f"≥ {row['at_least']}%"
    if row.get("verdict") in ("trend_up", "not_rising", "no_comparison"):
        return messages.RISING
    return messages.NOT_ASSIGNED if "at_least" in row else ""


def note_of(row: dict[str, Any]) -> str:
    """Why there is no value, where a published score was read, and the form's own note."""
    said = [row.get("reason") or "", row.get("note_vi") or ""]
    if published := row.get("published"):
        said.append(messages.PUBLISHED.format(source=published["source"], on=_day(published["published_on"])))
    return "; ".join(one for one in said if one)


def _day(text: str) -> str:
    return date.fromisoformat(text).strftime("%d/%m/%Y")


def _number(count: int | None) -> str:
    return "" if count is None else number(count)


def number(count: int) -> str:
    """Thousands with a point, as Vietnamese is written: 12.345."""
    return f"{count:,}".replace(",", ".")


def vi(decimal: str) -> str:
    """A decimal as Vietnamese is written: 5,43."""
    return decimal.replace(".", ",")


def vi_percent(text: str) -> str:
    """`92,1 %` as documents write it: `92,1%`."""
    return text.replace(" %", "%")


def share(part: int, whole: int) -> str:
    """Percent with one digit, cut and not rounded: 99,96 % is never printed as 100 %."""
    return f"{part * 1000 // whole // 10},{part * 1000 // whole % 10}%" if whole else "–"
