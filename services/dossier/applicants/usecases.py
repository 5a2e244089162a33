"""Keeps, finds and forgets names of applicants; nothing here logs, counts or says a name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from services.dossier.applicants import repository
from services.dossier.applicants.sealing import OtherKey, Seal
from shared.clock import Clock
from shared.database import Database
from shared.events.dossiers import Snapshot

log = structlog.get_logger()

NO_KEY = "the name is kept, but no key is set (MOTCUA_APPLICANTS_KEY)"
OTHER_KEY = "the name is sealed with a key that the key file does not hold (add the old key as a line of its own)"


class KeepNames:
    """The portal's door hands names in; they are kept for dossiers that may still be apologised for."""

    def __init__(self, database: Database, clock: Clock, seal: Seal, *, days: int) -> None:
        self._database, self._clock, self._seal, self._days = database, clock, seal, timedelta(days=days)

    async def __call__(self, unit: str, names: Mapping[str, str], known: Mapping[str, Snapshot]) -> None:
        """Keep the names of these dossiers, by code, as far as they are known and not long finished."""
        before = self._clock.now() - self._days
        wanted = [
            (code, self._seal.close(unit, code, name))
            for code, name in names.items()
            if (one := known.get(code)) is not None and not _is_finished(one, before)
        ]
        if wanted:
            async with self._database.transaction() as session:
                await repository.keep(session, unit, wanted)


def _is_finished(one: Snapshot, before: datetime) -> bool:
    return one.state.finished_at is not None and one.state.finished_at < before


class Names:
    """What a letter may print, and how a name is forgotten; both work whether names are kept or not."""

    def __init__(self, database: Database, clock: Clock, seal: Seal | None, *, days: int) -> None:
        self._database, self._clock, self._seal, self._days = database, clock, seal, timedelta(days=days)

    async def of(self, unit: str, code: str) -> tuple[str, str]:
        """The name of a dossier's applicant, and why there is none although it is kept; empty texts otherwise."""
        async with self._database.transaction() as session:
            sealed = await repository.find(session, unit, code)
        if sealed is None:
            return "", ""
        if self._seal is None:
            return "", NO_KEY
        try:
            return self._seal.open(unit, code, sealed), ""
        except OtherKey:
            return "", OTHER_KEY

    async def forget(self, unit: str, code: str) -> bool:
        """Forget a name for good: no later packet brings it back. False when there is no such dossier."""
        async with self._database.transaction() as session:
            return await repository.forget(session, unit, code)

    async def forget_finished(self) -> int:
        """Forget the names of dossiers that ended so many days ago; returns how many."""
        async with self._database.transaction() as session:
            count = await repository.forget_finished(session, self._clock.now() - self._days)
        if count:
            log.info("applicants_forgotten", count=count)
        return count

    async def run(self, seconds: float) -> Any:
        """Forget for ever, every so many seconds."""
        while True:
            await self.forget_finished()
            await asyncio.sleep(seconds)
