"""The figures of a form with one row a measure: shares compared exactly, points of an index, and no value where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Any

from services.reporting import messages
from services.reporting.domain import FiguresDoNotBalance, Filled
from services.reporting.forms.cells import BASE, HIT, UNKNOWN, measure_of
from services.reporting.forms.loading import FormInForce, maximum
from services.reporting.forms.model import Kind, Row
from shared.measures import Share, percent
from shared.verdicts import Verdict, judge, judge_trend

COUNTED = ("count", HIT, BASE, UNKNOWN)
"""What of a row is a number of dossiers, each with a list behind it."""


@dataclass(frozen=True, kw_only=True)
class Sheet(Filled):
    """A filled form with one row a measure."""

    @property
    def total(self) -> dict[str, Any]:
        """The points of an index, of how many; empty in other forms."""
        last = self.rows[-1]
        return {"score": last["score"], "max": last["max"]} if last["kind"] == Kind.SUM else {}

    def cells(self) -> dict[str, int]:
        """Every number of dossiers by the key of its cell."""
        return {
            row["id"] if name == "count" else f"{row['id']}:{name}": row[name]
            for row in self.rows
            for name in COUNTED
            if isinstance(row.get(name), int) and not row.get("from_rows")
        }

    def parts_of(self, key: str) -> tuple[str, str]:
        """A row's id, and count, hit, base or unknown."""
        row, _, name = key.partition(":")
        return row, name or "count"

    def keys_of(self, dossier: Mapping[str, Any]) -> Sequence[str]:
        """The cells that a counted dossier stands in."""
        return list(dossier["columns"])

    def check_balance(self) -> None:
        """Raise `FiguresDoNotBalance` when a share has more hits than it has a base."""
        for row in self.rows:
            counts = [row.get(name) or 0 for name in COUNTED]
            if min(counts) < 0 or (BASE in row and not row.get("from_rows") and counts[1] > counts[2]):
                raise FiguresDoNotBalance(self.unit, row["id"])


def fill(
    form: FormInForce,
    unit: str,
    begin: date,
    end: date,
    counts: Mapping[str, int],
    *,
    today: date,
    before: Mapping[str, int] | None = None,
    published: Mapping[str, Mapping[str, Any]] | None = None,
    unknown: Mapping[str, str] | None = None,
) -> Sheet:
    """The form's rows from its counted cells; `before` are the cells of the period that a trend looks back on.

    `published` are points that the national portal gives, by row: shown beside ours, with the difference. `unknown` says
    why a row whose cells were not counted has no value, where the measure itself could have one.
    """
    rows, scores, unknown = list[dict[str, Any]](), dict[str, Fraction | None](), unknown or {}
    by_id = {row.id: row for row in form.rows}
    for row in form.rows:
        shown: dict[str, Any] = {"id": row.id, "label": row.label, "title_vi": row.title_vi, "kind": row.shows.value}
        measure = measure_of(row, form)
        if name := row.measure or (measure.name if measure else None):
            shown["measure"] = name
        match row.shows:
            case Kind.COUNT:
                shown |= _count(row, form, counts)
            case Kind.SHARE:
                shown |= _share(row, form, counts, before, is_over=end < today)
            case Kind.SCORE:
                shown |= _score(row, form, counts, scores)
            case Kind.SUM:
                shown |= _sum(row, by_id, scores)
        if row.id in unknown:
            shown |= {"reason": unknown[row.id]} | ({"verdict": Verdict.NO_VALUE.value} if "verdict" in shown else {})
        if row.shows in (Kind.SCORE, Kind.SUM):
            shown |= _beside(scores[row.id], (published or {}).get(row.id))
        if row.note_vi:
            shown["note_vi"] = row.note_vi
        rows.append(shown)
    return Sheet(unit=unit, form=form.code, begin=begin, end=end, rows=rows)


def _count(row: Row, form: FormInForce, counts: Mapping[str, int]) -> dict[str, Any]:
    count = counts.get(row.id)
    return {"count": count, "reason": None if count is not None else reason_of(row, form)}


def share_of(row: Row, counts: Mapping[str, int]) -> Share | None:
    """The counted share of a row; nothing when it is not measured."""
    if f"{row.id}:{BASE}" not in counts:
        return None
    unknown = counts.get(f"{row.id}:{UNKNOWN}", 0)
    return Share(hit=counts[f"{row.id}:{HIT}"], base=counts[f"{row.id}:{BASE}"], unknown=unknown)


def _share(
    row: Row, form: FormInForce, counts: Mapping[str, int], before: Mapping[str, int] | None, *, is_over: bool
) -> dict[str, Any]:
    share = share_of(row, counts)
    shown = _counted(share, row, form)
    if row.trend:
        shown |= {"verdict": judge_trend(share, share_of(row, before) if before is not None else None).value}
    elif row.at_least is not None or row.target:
        verdict = judge(share, row.at_least, is_over=is_over).value
        shown |= {"at_least": row.at_least, "stated_vi": row.stated_vi, "verdict": verdict}
    return shown


def _counted(share: Share | None, row: Row, form: FormInForce) -> dict[str, Any]:
    if share is None:
        return {HIT: None, BASE: None, UNKNOWN: None, "value": None, "percent": None, "reason": reason_of(row, form)}
    reason = None if share.base else messages.NOTHING_TO_SHARE
    value = percent(share) if share.base else None
    exact = decimal(share.value, 6)
    return {
        HIT: share.hit,
        BASE: share.base,
        UNKNOWN: share.unknown,
        "value": exact,
        "percent": value,
        "reason": reason,
    }


def reason_of(row: Row, form: FormInForce) -> str:
    """Why a row has no value, for people."""
    return form.reasons.get(row.measure or "", messages.NOT_MEASURED)


def _score(
    row: Row, form: FormInForce, counts: Mapping[str, int], scores: dict[str, Fraction | None]
) -> dict[str, Any]:
    rule = row.score
    assert rule is not None
    if rule.not_applicable:
        scores[row.id] = Fraction(rule.max)
        return {"max": rule.max, "reason": form.reasons.get("index_not_for_communes", "")}
    share = _left(row.base, row.minus, counts) if row.base else share_of(row, counts)
    scores[row.id] = cut(points(share, rule.max, rule.full_at, rule.at_zero))
    shown = _counted(share, row, form)
    return shown | {"max": rule.max} | ({"from_rows": [row.base, *row.minus]} if row.base else {})


def _left(base: str, minus: Sequence[str], counts: Mapping[str, int]) -> Share | None:
    if not {base, *minus} <= counts.keys():
        return None
    return Share(hit=max(0, counts[base] - sum(counts[one] for one in minus)), base=counts[base])


def points(share: Share | None, most: int, full_at: int = 100, at_zero: int | None = None) -> Fraction | None:
    """min(most, most × share ÷ full_at) exactly; without anything to share what the rule says, and no score is not 0."""
    if share is None:
        return None
    if share.value is None:
        return Fraction(at_zero) if at_zero is not None else None
    return min(Fraction(most), most * share.value * 100 / full_at)


def cut(score: Fraction | None) -> Fraction | None:
    """Points as they are printed, so that printed points add up to the printed sum."""
    return None if score is None else Fraction(str(decimal(score, 2)))


def _sum(row: Row, by_id: Mapping[str, Row], scores: dict[str, Fraction | None]) -> dict[str, Any]:
    parts = [scores[one] for one in row.sum_of]
    known = [one for one in parts if one is not None]
    most = sum(maximum(by_id[one]) for one in row.sum_of)
    scores[row.id] = sum(known, Fraction(0)) if len(known) == len(parts) else None
    shown: dict[str, Any] = {"max": most}
    if scores[row.id] is None:
        leaves = _leaves(row, by_id)
        scored = [(one, points) for one in leaves if (points := scores[one]) is not None]
        shown["scored"] = str(decimal(sum((points for _, points in scored), Fraction(0)), 2))
        shown["scored_of"] = sum(maximum(by_id[one]) for one, _ in scored)
        said = messages.INCOMPLETE_SCORE if scored else messages.NOTHING_SCORED
        shown["reason"] = said.format(scored=shown["scored"].replace(".", ","), of=shown["scored_of"])
    return shown


def _leaves(row: Row, by_id: Mapping[str, Row]) -> list[str]:
    return [
        leaf for one in row.sum_of for leaf in (_leaves(by_id[one], by_id) if by_id[one].shows is Kind.SUM else [one])
    ]


def _beside(score: Fraction | None, published: Mapping[str, Any] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"score": decimal(score, 2)}
    if published:
        stated = Fraction(str(published["score"]))
        shown["published"] = {**published, "score": str(published["score"])}
        shown["difference"] = decimal(stated - score, 2) if score is not None else None
    return shown


def decimal(value: Fraction | None, digits: int) -> str | None:
    """`5.43`, cut and not rounded, so that a maximum is printed only when it is reached."""
    if value is None:
        return None
    # divided with room to spare, then cut
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return str(exact.quantize(Decimal(1).scaleb(-digits), ROUND_DOWN))
