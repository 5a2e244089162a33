"""The catalogue of boards: one YAML file a board, rows of panels on a grid of 24 columns.

A panel answers one question by one query: SQL in the words of `shared.boards.sql`, or PromQL. What a panel names and
nobody knows (a measure, a target, a word of the query) is a mistake with file, line and field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from jinja2 import TemplateError
from pydantic import Field, model_validator

from shared.boards.sql import Queries, UnknownName
from shared.boards.targets import BoardTarget, load_targets
from shared.rules import Lines, RuleError, RuleModel, RuleProblem, load, load_located

FOLDER = "boards"
COLUMNS = 24
"""Width of the grid, as Grafana has it."""

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
"""Stable: links and Grafana's uids are made of it."""


class Kind(StrEnum):
    """How a panel is drawn."""

    STAT = "stat"
    GAUGE = "gauge"
    TIMESERIES = "timeseries"
    BARCHART = "barchart"
    TABLE = "table"


class Source(StrEnum):
    """Who answers a panel's query."""

    POSTGRES = "postgres"
    PROMETHEUS = "prometheus"


class Unit(StrEnum):
    """What a panel's figures are."""

    COUNT = "count"
    PERCENT = "percent"
    DAYS = "days"
    SECONDS = "seconds"
    BYTES = "bytes"
    PER_SECOND = "per_second"


class Listed(RuleModel):
    """The list behind a figure: of a column or measure (`c13`, `on_time_rate.miss`), or a query of its own.

    `by` says what a bar or row of the panel stands for; its list is then the part with that key.
    """

    of: str | None = None
    query: str | None = None
    at: Literal["period", "today"] = "period"
    by: Literal["field", "agency", "unit", "age", "due_on", "reason_code"] | None = None
    title_vi: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.of is None) == (self.query is None):
            raise ValueError("give `of` (a column or measure) or `query`, one of the two")
        return self


class Here(RuleModel):
    """How the built-in board answers a panel of Prometheus: one plain figure of the process's own registry."""

    metric: str
    take: Literal["sum", "max"]
    by: str | None = None


class Metric(RuleModel):
    """One PromQL expression and what its series are called."""

    expr: str
    legend: str = ""


class Panel(RuleModel):
    """One question, one query, one place on the grid."""

    id: Id
    title_vi: str = Field(min_length=1, max_length=60)
    question_vi: str = Field(pattern=r"\?$")
    kind: Kind
    query: str | None = None
    metrics: list[Metric] = Field(default_factory=list)
    here: Here | None = None
    unit: Unit = Unit.COUNT
    target: str | None = None
    good: Literal["none"] | None = None
    listed: Listed | None = Field(default=None, alias="list")
    width: int = Field(ge=3, le=COLUMNS)
    height: int = Field(ge=3, le=20)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.query is None) == (not self.metrics):
            raise ValueError("give `query` (SQL) or `metrics` (PromQL), one of the two")
        if self.here is not None and self.query is not None:
            raise ValueError("`here` is for panels of Prometheus; SQL is answered here anyway (remove it)")
        return self

    @property
    def source(self) -> Source:
        """Who answers."""
        return Source.POSTGRES if self.query is not None else Source.PROMETHEUS


class Row(RuleModel):
    """A strip of the board with a heading."""

    title_vi: str
    panels: list[Panel] = Field(min_length=1)


class Board(RuleModel):
    """A page for one circle of readers."""

    id: Id
    order: int
    title_vi: str
    about_vi: str
    rows: list[Row] = Field(min_length=1)

    @property
    def panels(self) -> Iterator[Panel]:
        """All panels, in reading order."""
        return (panel for row in self.rows for panel in row.panels)

    def panel(self, id: str) -> Panel | None:
        """A panel by its id."""
        return next((one for one in self.panels if one.id == id), None)


class Labels(RuleModel):
    """Words for the keys that the data holds, by kind of key."""

    labels: dict[str, dict[str, str]]


class UnusedMetrics(RuleModel):
    """Metrics of the code that no panel and no alarm looks at, each with the reason."""

    unused: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Every board, with the plans' targets and the words for keys."""

    boards: Sequence[Board]
    targets: Mapping[str, BoardTarget]
    labels: Mapping[str, Mapping[str, str]]
    unused: Mapping[str, str]

    def board(self, id: str) -> Board | None:
        """A board by its id."""
        return next((one for one in self.boards if one.id == id), None)


def load_catalogue(rules_root: Path) -> Catalogue:
    """Boards, targets and labels below the folder of rules; raises `RuleError` with everything that is wrong."""
    folder, targets = rules_root / FOLDER, load_targets(rules_root)
    boards, problems = list[Board](), list[RuleProblem]()
    for path in sorted(folder.glob("*.yaml")):
        board, lines = load_located(path, Board)
        problems += [*_wrong_names(board, targets, lines), *_wrong_layout(board, lines)]
        boards.append(board)
    if problems:
        raise RuleError(problems)
    return Catalogue(
        boards=sorted(boards, key=lambda one: one.order),
        targets=targets,
        labels=load(folder / "words" / "labels.yaml", Labels).labels,
        unused=load(folder / "words" / "unused-metrics.yaml", UnusedMetrics).unused,
    )


def _places(board: Board) -> Iterator[tuple[tuple[str | int, ...], Panel]]:
    for r, row in enumerate(board.rows):
        for p, panel in enumerate(row.panels):
            yield ("rows", r, "panels", p), panel


def _wrong_names(board: Board, targets: Mapping[str, BoardTarget], lines: Lines) -> Iterator[RuleProblem]:
    queries = Queries(targets)
    for at, panel in _places(board):
        if panel.target is not None and panel.target not in targets:
            yield lines.problem((*at, "target"), f"no plan has a target {panel.target!r} (correct the id)")
        for field, text in (("query", panel.query), ("list", panel.listed.query if panel.listed else None)):
            if text is not None and (wrong := _wrong_query(queries, text)):
                yield lines.problem((*at, field), wrong)
        if panel.listed is not None and panel.listed.of is not None:
            try:
                queries.condition(panel.listed.of)
            except UnknownName as error:
                yield lines.problem((*at, "list", "of"), str(error))


def _wrong_query(queries: Queries, text: str) -> str | None:
    try:
        queries.render(text)
    except (TemplateError, UnknownName) as error:
        return f"{error} (see docs/boards.md for the words of a query)"
    return None


def _wrong_layout(board: Board, lines: Lines) -> Iterator[RuleProblem]:
    seen = set[str]()
    for at, panel in _places(board):
        if panel.id in seen:
            yield lines.problem((*at, "id"), f"{panel.id} stands twice on this board (give each its own id)")
        seen.add(panel.id)
