"""Follow petitions, and answer with their figures and the lists behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from services.reporting import repository as facts
from services.reporting.domain import WindowEndsBeforeItStarts
from services.reporting.petitions import repository
from shared.database import Database
from shared.events.petition_snapshots import PetitionSnapshot
from shared.facts import newest
from shared.measures import PETITION_COUNTS, PETITION_RATES, Count, Rate, Share, percent
from shared.petition_facts import COLUMNS, SPAN, petition_spans, store_newer_petitions

MEASURES: Mapping[str, Rate | Count] = {**PETITION_COUNTS, **PETITION_RATES}


class UnknownMeasure(ValueError):
    """Nothing about petitions is measured under that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown measure {name!r} (known: {', '.join(MEASURES)})")


class FollowPetitions:
    """Facts and spans of one batch in one transaction."""

    def __init__(self, database: Database, poke_judge: Callable[[], None]) -> None:
        self._database, self._poke_judge = database, poke_judge

    async def __call__(self, snapshots: Sequence[PetitionSnapshot]) -> None:
        """Keep what is newer; the rest changes nothing. What a closed report may have counted is noted for the judge."""
        wanted = {(one.unit, one.code): one for one in newest(snapshots)}
        async with self._database.transaction() as session:
            closed = await facts.closed_until(session, sorted({unit for unit, _ in wanted}))
            until = {key: closed[key[0]] for key in wanted if key[0] in closed}
            fresh = {key: petition_spans(wanted[key]) for key in until}
            moved = await facts.moved_by_then(session, until, fresh, table=SPAN, columns=COLUMNS)
            late = moved & set(await store_newer_petitions(session, snapshots))
            await facts.note_late(session, [wanted[key] for key in sorted(late)], kind="petition")
        if late:
            self._poke_judge()


class ShowPetitions:
    """Figures of petitions for units and a window, both dates inclusive, as of its end; `units` empty for all known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def figures(self, units: Sequence[str], begin: date, end: date) -> list[dict[str, Any]]:
        """Every measure, unit by unit; a rate without petitions has no value. Raises `WindowEndsBeforeItStarts`."""
        _check_window(begin, end)
        async with self._database.snapshot() as session:
            wanted = list(units) or await repository.list_units(session)
            return [
                {"unit": unit, "from": begin, "to": end}
                | {
                    name: _shown(await repository.measure(session, one, [unit], begin, end))
                    for name, one in MEASURES.items()
                }
                for unit in wanted
            ]

    async def behind(
        self, units: Sequence[str], begin: date, end: date, measure: str, *, hit: bool | None, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """The petitions behind one figure; as many as it says. Raises `UnknownMeasure`, `WindowEndsBeforeItStarts`."""
        _check_window(begin, end)
        if measure not in MEASURES:
            raise UnknownMeasure(measure)
        async with self._database.snapshot() as session:
            wanted = list(units) or await repository.list_units(session)
            return await repository.list_behind(
                session, MEASURES[measure], wanted, begin, end, hit=hit, limit=limit, offset=offset
            )


def _shown(measured: dict[str, int]) -> Any:
    if "hit" not in measured:
        return measured["base"]
    share = Share(**measured)
    return {**measured, "value": None if share.value is None else float(share.value), "percent": percent(share)}


def _check_window(begin: date, end: date) -> None:
    if end < begin:
        raise WindowEndsBeforeItStarts(begin, end)
