"""Tell why the figures of two days of knowledge differ."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.reporting.domain import Filled
from services.reporting.forms import FormInForce, cells_of, without_history
from services.reporting.forms import repository as cells
from services.reporting.history import repository
from services.reporting.history.domain import DaysTheWrongWayRound, Version, changes, check_day
from services.reporting.messages import NOT_KEPT
from services.reporting.usecases.measuring import MeasureForms
from shared.database import Database, Session
from shared.localtime import local_date


class ExplainDifference:
    """Cell by cell what two days of knowledge say of one form, the dossiers that cause it, and what was said of them."""

    def __init__(self, database: Database, measure: MeasureForms) -> None:
        self._database, self._measure = database, measure

    async def __call__(
        self, unit: str, form: str, begin: date, end: date, known_from: date, known_to: date
    ) -> dict[str, Any]:
        """`cells` that differ, each with the dossiers that came in and went out; `causes`: each dossier with its statements.

        `not_kept` are rows that cannot be known as of a day, with the reason. Raises `DaysTheWrongWayRound`, and what
        `ShowFigures` raises for a form, a window or a day of knowledge.
        """
        rules = self._measure.find(form, begin, end)
        if known_from >= known_to:
            raise DaysTheWrongWayRound(known_from, known_to)
        async with self._database.transaction() as session:
            # one view of the facts: cells, causes and statements must agree
            await session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            was, now = [await self._filled(session, rules, unit, begin, end, day) for day in (known_from, known_to)]
            moved = await cells.list_moved(session, cells_of(rules), unit, begin, end, known_from, known_to)
            causes = [one for one in (_cause(row, was, now) for row in moved) if one["old_cells"] != one["new_cells"]]
            keys = [(unit, one["dossier"]) for one in causes]
            known = await repository.list_versions(session, keys)
            said = await repository.list_revisions(session, keys, known_from, known_to)
        for one in causes:
            key = (unit, one["dossier"])
            one["statements"] = statements(known[key], said.get(key, ()))
        return {
            "unit": unit, "form": form, "from": begin, "to": end, "known_from": known_from, "known_to": known_to,
            "cells": _cells(was, now, causes), "old_total": was.total, "new_total": now.total, "causes": causes,
            "not_kept": {row: NOT_KEPT[table] for row, table in without_history(rules).items()},
        }  # fmt: skip

    async def _filled(
        self, session: Session[Any], form: FormInForce, unit: str, begin: date, end: date, day: date
    ) -> Filled:
        check_day(day, await repository.begins(session), self._measure.today())
        [filled] = await self._measure(session, form, [unit], begin, end, day)
        return filled


def _cause(row: dict[str, Any], was: Filled, now: Filled) -> dict[str, Any]:
    """A dossier with the cells it stood in and stands in, by column and by the key of the cell."""
    old, new = ({"field": row[f"{when}_field"], "columns": row[f"{when}_columns"]} for when in ("old", "new"))
    return {
        "dossier": row["code"],
        **{name: row[name] for name in ("old_field", "new_field", "old_columns", "new_columns")},
        "old_cells": list(was.keys_of(old)),
        "new_cells": list(now.keys_of(new)),
    }


def _cells(was: Filled, now: Filled, causes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every cell that differs, in the form's order; its number grew by as many as came in more than went out."""
    before, after = was.cells(), now.cells()
    found = list[dict[str, Any]]()
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, 0), after.get(key, 0)
        came = [one["dossier"] for one in causes if key in one["new_cells"] and key not in one["old_cells"]]
        went = [one["dossier"] for one in causes if key in one["old_cells"] and key not in one["new_cells"]]
        if came or went:
            field, column = now.parts_of(key)
            found.append(
                {
                    "cell": key,
                    "field": field,
                    "column": column,
                    "old": old,
                    "new": new,
                    "came_in": came,
                    "went_out": went,
                }
            )
    return found


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
