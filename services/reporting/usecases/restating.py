"""Restatement: judge late facts against closed reports, propose, and let a named role decide. Nothing changes silently."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from services.reporting import repository
from services.reporting.domain import (
    ProposalDecided,
    ProposalOutdated,
    ReasonMissing,
    UnknownProposal,
    changed_cells,
    digest,
    role_of,
)
from services.reporting.domain.forms import FormNotInForce, UnknownForm
from services.reporting.usecases.closing import CloseReport
from services.reporting.usecases.measuring import MeasureForms
from shared.clock import Clock
from shared.database import Database, Session
from shared.parties import Party

log = structlog.get_logger()


class JudgeLateFacts:
    """Looks at closed windows that late facts touched; one transaction keeps proposals and marks, so a crash repeats it."""

    def __init__(self, database: Database, clock: Clock, measure: MeasureForms, *, idle_seconds: float = 1.0) -> None:
        self._database, self._clock, self._measure, self._idle = database, clock, measure, idle_seconds
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """A batch held late facts: look now instead of at the next tick."""
        self._poked.set()

    async def run(self) -> None:
        """Judge until cancelled."""
        while True:
            self._poked.clear()
            await self()
            try:
                async with asyncio.timeout(self._idle):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def backlog(self) -> int:
        """Late facts not judged yet."""
        async with self._database.transaction() as session:
            return await repository.count_unjudged(session)

    async def __call__(self) -> int:
        """Judge what is late now; returns how many proposals were opened."""
        if not await self.backlog():
            return 0
        async with self._database.transaction() as session:
            keys = await repository.list_unjudged(session)
            reports = await repository.list_reports(session, sorted({key[0] for key in keys}))
            newest = {(one["unit"], one["form"], one["period"]): one for one in reports}
            opened = [await self._judge(session, one) for one in newest.values()]
            await repository.note_judged(session, keys)
        return sum(opened)

    async def _judge(self, session: Session[Any], report: dict[str, Any]) -> bool:
        try:
            cells, causes = await difference(session, report, self._measure)
        except (UnknownForm, FormNotInForce) as error:
            # its rule file was taken away since: what was closed stays, and nobody can say what it would be now
            log.warning("report_not_judged", unit=report["unit"], form=report["form"], reason=str(error))
            return False
        last, said = await repository.find_last_proposal(session, report), digest(cells, causes)
        if last and last["status"] == "open" and (not cells or last["digest"] != said):
            reason = "further statements came" if cells else "the figures agree again"
            await repository.decide(
                session, last["id"], "replaced", self._clock.now(), by=None, role=None, reason=reason
            )
        if not cells or (last and last["digest"] == said):
            return False  # what was proposed or rejected in these very words is not proposed again
        number = await repository.add_proposal(session, report, cells, causes, said, self._clock.now())
        log.warning("restatement_proposed", proposal=number, unit=report["unit"], period=report["period"])
        return True


async def difference(
    session: Session[Any], report: dict[str, Any], measure: MeasureForms
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The cells of a closed report that would change now, and the dossiers that cause it."""
    unit, begin, end = report["unit"], report["begin"], report["end"]
    form = measure.find(report["form"], begin, end)
    [now] = await measure(session, form, [unit], begin, end)
    cells = changed_cells(report["figures"]["rows"], now.as_json()["rows"])
    if not cells:
        return [], []
    return cells, await _causes(session, report, await measure.counted(session, form, unit, begin, end))


async def _causes(
    session: Session[Any], report: dict[str, Any], present: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Every dossier that counts otherwise now than when the report was closed, with who said so since."""
    frozen = {(one["kind"], one["dossier"]): one for one in await repository.list_frozen(session, report)}
    now = {(one.get("kind", "dossier"), one["dossier"]): one for one in present}
    moved = [key for key in frozen.keys() | now.keys() if _counts(frozen.get(key)) != _counts(now.get(key))]
    since = [(*key, frozen[key]["revision"] if key in frozen else 0) for key in moved]
    said = await repository.list_late_sources(session, report["unit"], since)
    return [
        {
            "dossier": key[1], "old_field": frozen.get(key, {}).get("field"), "new_field": now.get(key, {}).get("field"),
            "old_columns": list(frozen.get(key, {}).get("columns", ())), "new_columns": list(now.get(key, {}).get("columns", ())),
            "old_revision": frozen.get(key, {}).get("revision"), "new_revision": said[key]["revision"],
            "sources": list(said[key]["sources"]),
        }
        for key in sorted(moved)
    ]  # fmt: skip


def _counts(one: dict[str, Any] | None) -> Any:
    return None if one is None else (one["field"], list(one["columns"]))


class DecideProposal:
    """Approve (a new version that supersedes the old one) or reject (kept with its reason)."""

    def __init__(self, database: Database, clock: Clock, close: CloseReport, measure: MeasureForms) -> None:
        self._database, self._clock, self._close, self._measure = database, clock, close, measure

    async def find(self, number: int) -> dict[str, Any]:
        """A proposal; raises `UnknownProposal`."""
        async with self._database.transaction() as session:
            return await _open(session, number, decided=True)

    async def list(self, units: Sequence[str], *, closed: bool) -> list[dict[str, Any]]:
        """Proposals of these units, or of all; `closed` brings the decided ones too."""
        async with self._database.transaction() as session:
            return await repository.list_proposals(session, units or None, closed=closed)

    async def approve(self, number: int, *, by: Party, role: str | None) -> dict[str, Any]:
        """Publish version n + 1. Raises `RoleMissing`, `UnknownProposal`, `ProposalDecided`, `ProposalOutdated`."""
        async with self._database.transaction() as session:
            needed = self._close.restated_by((await _open(session, number, decided=True))["form"])
        role = role_of(needed, by.roles, role, by=by.name, deed="approve restatements")
        async with self._database.transaction() as session:
            await repository.freeze(session)
            proposal = await _open(session, number)
            old = await repository.find_report(session, proposal["unit"], proposal["form"], proposal["period"])
            assert old is not None
            if (
                old["version"] != proposal["version"]
                or digest(*await difference(session, old, self._measure)) != proposal["digest"]
            ):
                raise ProposalOutdated(number)
            report = await self._close.restate(session, old, proposal, by=by.name, role=role)
            await repository.decide(session, number, "approved", self._clock.now(), by=by.name, role=role, reason="")
        self._close.poke()
        log.info("report_restated", proposal=number, unit=report["unit"], version=report["version"])
        return report

    async def reject(self, number: int, *, by: Party, role: str | None, reason: str) -> dict[str, Any]:
        """Keep the closed figures. Raises `RoleMissing`, `ReasonMissing`, `UnknownProposal`, `ProposalDecided`."""
        async with self._database.transaction() as session:
            needed = self._close.restated_by((await _open(session, number, decided=True))["form"])
        role = role_of(needed, by.roles, role or needed, by=by.name, deed="reject restatements")
        if not reason.strip():
            raise ReasonMissing(number)
        async with self._database.transaction() as session:
            await _open(session, number)
            await repository.decide(
                session, number, "rejected", self._clock.now(), by=by.name, role=role, reason=reason.strip()
            )
            return await _open(session, number, decided=True)


async def _open(session: Session[Any], number: int, *, decided: bool = False) -> dict[str, Any]:
    found = await repository.find_proposal(session, number)
    if found is None:
        raise UnknownProposal(number)
    if found["status"] != "open" and not decided:
        at = found["decided_at"].isoformat()
        raise ProposalDecided(number, found["status"], found["decided_by"], at, found["reason"])
    return found
