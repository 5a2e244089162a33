"""Takes the items of one packet: each is judged alone, said as statements through the common entrance, and answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.dossier import repository
from services.dossier.applicants.usecases import KeepNames
from services.dossier.doors import Doors
from services.dossier.metrics import DossierMetrics
from services.dossier.portal.items import PacketItem
from services.dossier.portal.judging import new_findings, said_by, source_of
from services.dossier.portal.rules import PortalRules
from services.dossier.portal.translating import Context, code_of
from services.dossier.scorecard.usecases import CountRejections, Rejection
from shared.clock import Clock
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.events.dossiers import Snapshot
from shared.events.statements import Refused, Statement
from shared.units import Units

DOOR = "portal"


@dataclass(kw_only=True)
class ItemVerdict:
    """What became of one item: `accepted`, `duplicate` or `rejected`, and which findings it brought."""

    code: str = ""
    status: str = "duplicate"
    refused: Refused | None = None
    findings: list[str] = field(default_factory=list)


class TakePacket:
    """Judge, say, answer; one bad item never hurts its neighbours."""

    def __init__(
        self,
        database: Database,
        doors: Doors,
        dead_letters: DeadLetters,
        units: Units,
        clock: Clock,
        rules: PortalRules,
        metrics: DossierMetrics,
        count: CountRejections,
        keep_names: KeepNames | None = None,
    ) -> None:
        self._database, self._doors, self._dead_letters = database, doors, dead_letters
        self._units, self._clock, self._rules, self._metrics = units, clock, rules, metrics
        self._count, self._keep_names = count, keep_names

    def knows(self, unit: str) -> bool:
        """Whether there is such a unit."""
        return unit in self._units

    def unit_of(self, agency: str) -> str | None:
        """The unit of an agency code (`madonvi`), as far as `portal.yaml` knows it."""
        return self._rules.agencies.get(agency)

    async def __call__(self, items: Sequence[dict[str, Any]], unit: str, generation: int) -> list[ItemVerdict]:
        """The verdict of every item, in the order sent. Raises `NoReceipt` when the journal is silent."""
        packet = [PacketItem(one) for one in items]
        verdicts = [ItemVerdict(code=_code(one)) for one in packet]
        before = await self._known(unit, verdicts)
        said = list[tuple[int, Statement]]()
        for index, item in enumerate(packet):
            try:
                said += [(index, one) for one in self._translate(item, unit, generation, before)]
            except Refused as reason:
                verdicts[index].status, verdicts[index].refused = "rejected", reason
        await self._keep_refused(packet, verdicts, unit)
        statuses = await self._doors.say([statement for _, statement in said], DOOR)
        for (index, _), status in zip(said, statuses, strict=True):
            verdicts[index].status = _worst(verdicts[index].status, status)
        after = await self._known(unit, verdicts)
        if self._keep_names is not None:
            await self._keep_names(unit, _names(packet, verdicts), after)
        for verdict in verdicts:
            if verdict.status == "accepted":
                verdict.findings = new_findings(before.get(verdict.code), after.get(verdict.code))
        for status, count in Counter(one.status for one in verdicts).items():
            self._metrics.portal_items.labels(unit, status).inc(count)
        return verdicts

    async def _known(self, unit: str, verdicts: Sequence[ItemVerdict]) -> dict[str, Snapshot]:
        async with self._database.transaction() as session:
            return await repository.list_snapshots(session, unit, [one.code for one in verdicts])

    def _translate(self, item: PacketItem, unit: str, generation: int, known: dict[str, Snapshot]) -> list[Statement]:
        now, code = self._clock.now(), code_of(item)
        context = Context(
            rules=self._rules, unit=unit, source=source_of(unit), generation=generation, now=now, known=known.get(code)
        )
        return said_by(item, context, self._units.__contains__)

    async def _keep_refused(self, items: Sequence[PacketItem], verdicts: Sequence[ItemVerdict], unit: str) -> None:
        dead = [
            (f"portal {unit}", item.redacted(), verdict.refused)
            for item, verdict in zip(items, verdicts, strict=True)
            if verdict.refused is not None
        ]
        if dead:
            await self._dead_letters.keep_all(dead)
            source, theirs = source_of(unit), unit.__eq__
            await self._count(
                [
                    Rejection(source=source, field=reason.field, sender=source, may_speak_for=theirs)
                    for _, _, reason in dead
                ]
            )


def _code(item: PacketItem) -> str:
    try:
        return code_of(item)
    except Refused:
        return ""


def _names(packet: Sequence[PacketItem], verdicts: Sequence[ItemVerdict]) -> dict[str, str]:
    """Applicants by dossier code, of what was not refused."""
    told = [(verdict, item.name_of_applicant()) for item, verdict in zip(packet, verdicts, strict=True)]
    return {verdict.code: name for verdict, name in told if name and verdict.status != "rejected"}


def _worst(known: str, status: str) -> str:
    """An item is refused when one of its statements is, accepted when one says something new, else a duplicate."""
    return max(known, status, key=("duplicate", "accepted", "rejected").index)
