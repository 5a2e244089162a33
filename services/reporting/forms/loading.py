"""Loads every form of the rule folder; a mistake is named with file, line and field, and nothing starts with one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, RootModel

from services.reporting.domain import FormNotInForce, UnknownForm
from services.reporting.forms.model import ByField, ByMeasure, Form, Kind, Row, RowFilter, gaps
from services.reporting.forms.plans import PlanTargets
from shared import measures
from shared.catalogue_measures import catalogue_measures
from shared.measures import Count, Rate
from shared.procedures import load_catalogue
from shared.rules import Lines, Loc, RuleError, RuleProblem, load, load_located

FOLDER, NOT_FORMS = "forms", {"administration.yaml"}


class MeasureTexts(BaseModel):
    """`measures.yaml`: what each measure is called, and why one has no figures."""

    titles: dict[str, str]
    unmeasured: dict[str, str] = Field(default_factory=dict)


class _Any(RootModel[Annotated[ByField | ByMeasure, Field(discriminator="shape")]]):
    """Either shape of form, told apart by `shape`."""


@dataclass(frozen=True, kw_only=True)
class FormInForce:
    """A form as it held on a day, with its rows resolved; `code` is its id, with `@department` for a department's own."""

    code: str
    rules: Form
    rows: Sequence[Row] = ()
    """Of a form with one row a measure: titles, measures, fields and thresholds filled in."""
    agency: str | None = None
    measures: Mapping[str, Rate | Count]
    reasons: Mapping[str, str]
    """Why a measure without figures has none, in Vietnamese."""

    @property
    def is_by_field(self) -> bool:
        return isinstance(self.rules, ByField)

    @property
    def agency_name(self) -> str:
        """The department's printed name; empty for the whole unit."""
        return self.rules.agencies[self.agency].name_vi if self.agency and isinstance(self.rules, ByMeasure) else ""


class Forms:
    """Every version of every form."""

    def __init__(self, forms: Sequence[FormInForce]) -> None:
        self._by_code = defaultdict[str, list[FormInForce]](list)
        for one in forms:
            self._by_code[one.code].append(one)

    @property
    def codes(self) -> list[str]:
        """Every form that can be asked for, departments' own included."""
        return list(self._by_code)

    def __iter__(self) -> Iterator[FormInForce]:
        return (one for versions in self._by_code.values() for one in versions)

    def find(self, code: str, on: date, *, closing: bool = False) -> FormInForce:
        """The version in force on a day (a window's last); raises `UnknownForm`, `FormNotInForce`.

        Days before the first version are counted with that one, so that older data can be looked at; nothing of them is closed.
        """
        versions = self._by_code.get(code)
        if not versions:
            raise UnknownForm(code, self.codes)
        for one in versions:
            if one.rules.holds_on(on):
                return one
        first = min(versions, key=lambda one: one.rules.valid_from)
        if on < first.rules.valid_from and not closing:
            return first
        raise FormNotInForce(code, on, gaps([one.rules for one in versions]))

    def newest(self, code: str) -> FormInForce:
        """The version that holds last; raises `UnknownForm`."""
        if code not in self._by_code:
            raise UnknownForm(code, self.codes)
        return max(self._by_code[code], key=lambda one: one.rules.valid_from)


def load_forms(rules: Path) -> Forms:
    """Every form of `forms/*.yaml`; raises `RuleError` with every mistake of every file."""
    texts = load(rules / "measures.yaml", MeasureTexts)
    known: dict[str, Rate | Count] = {**measures.RATES, **measures.COUNTS, **catalogue_measures(load_catalogue(rules))}
    found, problems, read = list[FormInForce](), list[RuleProblem](), list[tuple[Form, Lines]]()
    for path in sorted((rules / FOLDER).glob("*.yaml")):
        if path.name in NOT_FORMS:
            continue
        try:
            loaded, lines = load_located(path, _Any)
            form = loaded.root
            rows = list(_resolved(form, lines, rules, texts, known)) if isinstance(form, ByMeasure) else []
        except RuleError as error:
            problems += error.problems
            continue
        read.append((form, lines))
        agencies = [None, *form.agencies] if isinstance(form, ByMeasure) else [None]
        found += [
            FormInForce(
                code=form.form + (f"@{agency}" if agency else ""), rules=form, rows=rows, agency=agency,
                measures=known, reasons=texts.unmeasured,
            )
            for agency in agencies
        ]  # fmt: skip
    problems += _twice_in_force(read)
    if problems:
        raise RuleError(problems)
    return Forms(found)


def _twice_in_force(read: Sequence[tuple[Form, Lines]]) -> Iterator[RuleProblem]:
    for index, (form, lines) in enumerate(read):
        for other, elsewhere in read[:index]:
            if form.form == other.form and form.valid_from <= other.valid_to and other.valid_from <= form.valid_to:
                reason = (
                    f"{form.form} of {elsewhere.file} holds {gaps([other])} already (two versions must not overlap)"
                )
                yield lines.problem(("valid_from",), reason)


def _resolved(
    form: ByMeasure, lines: Lines, rules: Path, texts: MeasureTexts, known: Mapping[str, Rate | Count]
) -> Iterator[Row]:
    plan = load(rules / "plans" / form.plan, PlanTargets) if form.plan else PlanTargets()
    problems, rows = list[RuleProblem](), list[Row]()
    for index, row in enumerate(form.rows):
        at: Loc = ("rows", index)
        filled = _with_target(row, plan, lines, at, problems)
        problems += _wrong(filled, form, plan, known, lines, at)
        title = row.title_vi or texts.titles.get(filled.measure or "", "")
        if not title:
            problems.append(lines.problem(at, "has no title_vi (add it, or a title in measures.yaml)"))
        groups = filled.filter.field_groups
        fields = filled.filter.fields
        if groups is not None:
            fields = [
                name for group in groups if group in plan.field_groups for name in plan.field_groups[group].fields
            ]
        narrowed = filled.filter.model_copy(update={"fields": fields, "field_groups": None})
        rows.append(filled.model_copy(update={"title_vi": title, "filter": narrowed, "id": filled.id or filled.target or f"r{index + 1}"}))  # fmt: skip
    problems += _wrong_together(rows, lines)
    if problems:
        raise RuleError(problems)
    yield from rows


def _with_target(row: Row, plan: PlanTargets, lines: Lines, at: Loc, problems: list[RuleProblem]) -> Row:
    if row.target is None:
        return row
    target = plan.target(row.target)
    if target is None:
        problems.append(
            lines.problem((*at, "target"), f"the plan has no target {row.target!r} (name its file under `plan`)")
        )
        return row
    filled: dict[str, Any] = {"measure": row.measure or target.measure, "at_least": target.threshold}
    filled |= {"trend": target.trend, "stated_vi": row.stated_vi or target.stated or ""}
    if row.filter == RowFilter() and target.filter.get("field_group"):
        filled["filter"] = RowFilter(field_groups=target.filter["field_group"])
    if row.filter == RowFilter() and target.filter.get("rung"):
        filled["filter"] = RowFilter(fields=[target.filter["rung"]])  # an owed report's field is its rung
    return row.model_copy(update=filled)


def _wrong(
    row: Row, form: ByMeasure, plan: PlanTargets, known: Mapping[str, Rate | Count], lines: Lines, at: Loc
) -> Iterator[RuleProblem]:
    if row.measure is not None and row.measure not in known and row.measure not in measures.UNMEASURED:
        reason = f"unknown measure {row.measure!r} (define it in shared/measures.py or correct the name)"
        yield lines.problem((*at, "measure"), reason)
    for name in ("column", "of"):
        if (column := getattr(row, name)) is not None and column not in measures.COLUMNS:
            yield lines.problem((*at, name), f"unknown column {column!r} (known: {', '.join(measures.COLUMNS)})")
    if row.of and not row.column:
        yield lines.problem((*at, "of"), "needs the `column` that is shared out (add it)")
    if row.column and row.measure:
        yield lines.problem((*at, "column"), "stands beside a measure (keep one of the two)")
    if row.shows is Kind.SHARE and isinstance(known.get(row.measure or ""), Count):
        yield lines.problem((*at, "kind"), f"{row.measure} is a number of dossiers, no share (write count)")
    if row.shows is Kind.COUNT and isinstance(known.get(row.measure or ""), Rate):
        yield lines.problem((*at, "kind"), f"{row.measure} is a share (write share)")
    if row.shows is Kind.SCORE and row.score is None:
        yield lines.problem((*at, "kind"), "a score needs its `score` (say its maximum)")
    for group in row.filter.field_groups or ():
        if group not in plan.field_groups:
            yield lines.problem(
                (*at, "filter", "field_groups"), f"the plan has no group of fields {group!r} (correct it)"
            )


def _wrong_together(rows: Sequence[Row], lines: Lines) -> Iterator[RuleProblem]:
    """What no single row shows: ids twice, rows that name others which are not there, maxima that do not add up."""
    by_id = dict[str, Row]()
    for index, row in enumerate(rows):
        if row.id in by_id:
            yield lines.problem(("rows", index, "id"), f"{row.id} stands twice (give each row its own id)")
        by_id[row.id] = row
    for index, row in enumerate(rows):
        named = [("base", row.base)] * bool(row.base) + [("minus", one) for one in row.minus]
        for field, one in named:
            if one not in by_id or by_id[one].shows is not Kind.COUNT:
                yield lines.problem(("rows", index, field), f"{one!r} is no row that counts dossiers (correct it)")
        for one in row.sum_of:
            if one not in by_id or by_id[one].shows not in (Kind.SCORE, Kind.SUM):
                yield lines.problem(("rows", index, "sum_of"), f"{one!r} is no row with a score (correct it)")
        most = sum(maximum(by_id[one]) for one in row.sum_of if one in by_id)
        if row.sum_of and row.weight is not None and most != row.weight:
            reason = f"says {row.weight}, the maxima of its rows add up to {most} (correct one of them)"
            yield lines.problem(("rows", index, "weight"), reason)


def maximum(row: Row) -> int:
    """The most points that a row can give."""
    return row.score.max if row.score else row.weight or 0
