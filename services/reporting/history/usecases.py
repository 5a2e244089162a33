"""Answer with figures as they were known on a day, and tell why two days differ."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.reporting.domain import COLUMNS, Figures, UnknownColumn, changed_cells, figures
from services.reporting.history import repository
from services.reporting.history.domain import (
    DaysTheWrongWayRound,
    HistoryBeginsLater,
    NothingHeardYet,
    NotYetKnown,
    Version,
    changes,
)
from services.reporting.repository import list_units
from services.reporting.usecases.showing import check_window
from shared.clock import Clock
from shared.database import Database, Session
from shared.localtime import local_date
from shared.measures import COUNTS


class ShowHistory:
    """Form II.06a as known at the end of a day: what was recorded and had happened by then, and nothing else.

    A window that ends later is answered as it would have been on that day: what stood then stands on.
    Every method raises `NotYetKnown`, `HistoryBeginsLater`, `NothingHeardYet`, `UnknownForm`, `WindowEndsBeforeItStarts`.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def figures(self, units: Sequence[str], form: str, begin: date, end: date, known_on: date) -> list[Figures]:
        """The figures of a window; an empty `units` means every unit known."""
        check_window(form, begin, end)
        async with self._database.transaction() as session:
            await self._check_day(session, known_on)
            wanted = list(units) or await list_units(session)
            counted = await repository.count_known(session, wanted, begin, end, known_on)
        return [figures(unit, begin, end, counted.get(unit, ())) for unit in wanted]

    async def behind(
        self, units: Sequence[str], form: str, begin: date, end: date, column: str, known_on: date,
        *, field: str | None, limit: int, offset: int,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The dossiers behind one cell as it was known; as many as it says. Raises `UnknownColumn`."""
        check_window(form, begin, end)
        if column not in COLUMNS and column not in COUNTS:
            raise UnknownColumn(column)
        async with self._database.transaction() as session:
            await self._check_day(session, known_on)
            wanted = list(units) or await list_units(session)
            return await repository.list_behind_known(
                session, wanted, begin, end, column, known_on, field=field, limit=limit, offset=offset
            )

    async def between(
        self, unit: str, form: str, begin: date, end: date, known_from: date, known_to: date
    ) -> dict[str, Any]:
        """Cell by cell what two days of knowledge say, the dossiers that cause it, and what was said of them between.

        Raises `DaysTheWrongWayRound` as well.
        """
        check_window(form, begin, end)
        if known_from >= known_to:
            raise DaysTheWrongWayRound(known_from, known_to)
        async with self._database.transaction() as session:
            # one view of the facts: cells, causes and statements must agree
            await session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await self._check_day(session, known_from)
            await self._check_day(session, known_to)
            was, now = [
                figures(
                    unit, begin, end, (await repository.count_known(session, [unit], begin, end, day)).get(unit, ())
                )
                for day in (known_from, known_to)
            ]
            causes = await repository.list_counted_otherwise(session, unit, begin, end, known_from, known_to)
            keys = [(unit, one["code"]) for one in causes]
            known = await repository.list_versions(session, keys)
            said = await repository.list_revisions(session, keys, known_from, known_to)
        return {
            "unit": unit, "form": form, "from": begin, "to": end, "known_from": known_from, "known_to": known_to,
            "cells": changed_cells(was.rows, now.rows), "old_total": was.total, "new_total": now.total,
            "causes": [
                {
                    "dossier": one["code"],
                    **{name: one[name] for name in ("old_field", "new_field", "old_columns", "new_columns")},
                    "statements": statements(known[unit, one["code"]], said.get((unit, one["code"]), ())),
                }
                for one in causes
            ],
        }  # fmt: skip

    async def _check_day(self, session: Session[Any], day: date) -> None:
        today = local_date(self._clock.now())
        if day > today:
            raise NotYetKnown(day, today)
        begins = await repository.begins(session)
        if begins is None:
            raise NothingHeardYet
        if day < begins:
            raise HistoryBeginsLater(day, begins)


def statements(known: Sequence[Version], revisions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each revision with what it changed; of several on one day the last one bears the change of that day."""
    told = list[dict[str, Any]]()
    last = {local_date(one["recorded_at"]): one["revision"] for one in revisions}
    for one in revisions:
        day = local_date(one["recorded_at"])
        found = changes(known, day) if last[day] == one["revision"] else None
        happened, changed = found or (None, {})
        told.append({**one, "happened_on": happened, "changed": {k: list(v) for k, v in changed.items()}})
    return told
