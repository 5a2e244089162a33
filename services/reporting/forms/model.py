"""What a form file says: its wording, who signs it off, the kind of its windows, and its columns or rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared import measures
from shared.procedures import Validity
from shared.rules import RuleModel


class WindowKind(StrEnum):
    """Report periods run from the 15th to the 14th; calendar ones from the first to the last of a month. Never mixed."""

    REPORT = "report"
    CALENDAR = "calendar"


class Kind(StrEnum):
    """What a row's cell is."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    SCORE = "score"
    SUM = "sum"


class SignedOff(RuleModel):
    """Which role closes a report, and which one restates it."""

    close: str
    restate: str


class Group(RuleModel):
    """A heading over several columns."""

    title_vi: str
    columns: list[str]


class _Form(Validity):
    """What both shapes share."""

    form: str = Field(pattern=r"^[\w.-]{1,40}$")
    source: str = ""
    window: WindowKind = WindowKind.REPORT
    number_vi: str
    title_vi: str
    measured_in_vi: str
    receiver_vi: str
    signed_off: SignedOff


class ByField(_Form):
    """One row a field of administration, columns as sums over the rollup (Biểu II.06a)."""

    shape: Literal["by_field"]
    groups: list[Group]
    columns: dict[str, str]
    number_vi_heading: str
    field_vi_heading: str

    @model_validator(mode="after")
    def _of_one_piece(self) -> Self:
        grouped = [column for group in self.groups for column in group.columns]
        if grouped != list(measures.COLUMNS) or set(grouped) != set(self.columns):
            known = ", ".join(measures.COLUMNS)
            raise ValueError(f"groups and columns must name {known}, each once and in this order (correct the lists)")
        return self


class RowFilter(RuleModel):
    """Which dossiers a row counts; all of them by default. `fields: []` counts none: it has no value."""

    fields: list[str] | None = None
    field_groups: list[str] | None = None
    """Names of the plan's groups of fields."""
    agency: str | None = None
    reason: str | None = None
    """A `reason_code`; empty for dossiers without one."""


class Score(RuleModel):
    """Points of an index: `max` × share / `full_at`, never more than `max`."""

    max: int = Field(gt=0)
    full_at: int = Field(default=100, gt=0, le=100)
    """Percent at which the maximum is reached."""
    at_zero: int | None = None
    """Points without anything to share; nothing stands for no score, which is not 0."""
    not_applicable: bool = False
    """A criterion that does not apply to a commune gets the maximum."""


class Row(RuleModel):
    """One printed line: a heading, a number of dossiers, a share, or points of an index."""

    id: Annotated[str, Field(pattern=r"^[\w.-]{1,60}$")] = ""
    label: str = ""
    title_vi: str = ""
    kind: Kind | None = None
    measure: str | None = None
    column: str | None = None
    of: str | None = None
    """With `column`: the column that it is a share of."""
    filter: RowFilter = RowFilter()
    target: str | None = None
    """Id of a target of the form's plan: measure, filter and threshold come from there."""
    at_least: int | None = Field(default=None, ge=0, le=100)
    trend: Literal["up"] | None = None
    stated_vi: str = ""
    score: Score | None = None
    base: str | None = None
    minus: list[str] = Field(default_factory=list)
    """With `score`: rows of counts, whose sum is taken off the row `base`; what is left is the share."""
    sum_of: list[str] = Field(default_factory=list)
    weight: int | None = None
    """With `sum_of`: what the maxima of the rows must add up to."""
    note_vi: str = ""

    @property
    def shows(self) -> Kind:
        """The kind: the stated one, or what measure and score make of it."""
        if self.kind is not None:
            return self.kind
        if self.sum_of:
            return Kind.SUM
        if self.score is not None:
            return Kind.SCORE
        if self.of or (self.measure or "").endswith("_rate"):
            return Kind.SHARE
        return Kind.COUNT if self.measure or self.column else Kind.TEXT


class Agency(RuleModel):
    """A department that reports on a form of its own."""

    name_vi: str


class Headings(RuleModel):
    """Words over the columns of a form with one row a measure."""

    number_vi: str = "TT"
    title_vi: str = "Nội dung"
    hit_vi: str = "Số hồ sơ đạt"
    base_vi: str = "Tổng số hồ sơ"
    unknown_vi: str = "Chưa rõ"
    value_vi: str = "Kết quả"
    target_vi: str = "Chỉ tiêu"
    verdict_vi: str = "Đánh giá"


class ByMeasure(_Form):
    """One row a measure, each with its own list behind it."""

    shape: Literal["by_measure"]
    subject_vi: str
    """What the letter is about, in a sentence's letters; the form's own title is in capitals."""
    intro_vi: str
    """First sentence of the letter; may name {unit}, {agency}, {period}, {begin}, {end}."""
    addressee_vi: str = ""
    """To whom the letter goes; by default whom the unit's administration names."""
    signed_as_vi: list[str] = Field(default_factory=list)
    """Who signs, where it is not the unit's head."""
    plan: str | None = None
    """File in `plans/` whose targets the rows name."""
    agencies: dict[str, Agency] = Field(default_factory=dict)
    """Departments that report on it apart, as `FORM@slug`; the form alone counts the whole unit."""
    units: list[str] | None = None
    """Units that close this form; all by default. Its figures may be shown for any."""
    headings: Headings = Headings()
    chart_vi: str = "Kết quả thực hiện các chỉ tiêu (%)"
    rows: Annotated[list[Row], Field(min_length=1)]

    @property
    def has_targets(self) -> bool:
        return any(row.target or row.at_least is not None or row.trend for row in self.rows)

    @property
    def is_index(self) -> bool:
        return any(row.score for row in self.rows)


Form = ByField | ByMeasure


def gaps(days: Sequence[Validity]) -> str:
    """Ranges for people: `from 2020-10-21`, `2025-07-01 – 2025-12-31`."""
    return ", ".join(
        f"from {one.valid_from}" if one.valid_to == date.max else f"{one.valid_from} – {one.valid_to}"
        for one in sorted(days, key=lambda one: one.valid_from)
    )
