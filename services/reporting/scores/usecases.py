"""Record a score that the national portal published."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from services.reporting.forms.loading import maximum
from services.reporting.forms.model import Kind
from services.reporting.scores import repository
from services.reporting.usecases.measuring import MeasureForms
from shared.clock import Clock
from shared.database import Database


class NoSuchScore(ValueError):
    """A row without a score, or more points than it can give."""


class RecordScore:
    """Keeps a published score with its source and date; it is shown beside ours, never put in its place."""

    def __init__(self, database: Database, clock: Clock, measure: MeasureForms) -> None:
        self._database, self._clock, self._measure = database, clock, measure

    async def __call__(
        self, unit: str, form: str, period: str, row: str, score: Decimal, *, source: str, on: date, by: str
    ) -> dict[str, Any]:
        """Record it. Raises `NoSuchScore`, and what `MeasureForms.window` and `find` raise."""
        days = self._measure.window(unit, form, period)
        rules = self._measure.find(form, days.begin, days.end)
        scored = {one.id: one for one in rules.rows if one.shows in (Kind.SCORE, Kind.SUM)}
        if row not in scored:
            raise NoSuchScore(f"{form} gives no points to {row!r}; rows with points: {', '.join(scored) or 'none'}")
        most = maximum(scored[row]) or sum(maximum(scored[one]) for one in scored[row].sum_of)
        if not 0 <= score <= most:
            raise NoSuchScore(f"{row} gives 0 to {most} points, not {score}")
        values = {
            "unit": unit, "form": form, "begin": days.begin, "end": days.end, "row": row, "score": f"{score:f}",
            "source": source, "published_on": on, "recorded_by": by, "recorded_at": self._clock.now(),
        }  # fmt: skip
        async with self._database.transaction() as session:
            await repository.add_score(session, values)
        return values
