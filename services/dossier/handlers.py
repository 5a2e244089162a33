"""Reads ONESTOP in batches: judges each record alone, hands the good ones on, answers each sender with a receipt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.dossier.domain import OWN_SOURCE
from services.dossier.metrics import DossierMetrics
from services.dossier.repository import Heard
from services.dossier.scorecard.usecases import CountRejections, Rejection
from services.dossier.usecases import RecordStatements, Verdict
from shared.batches import each_or_all
from shared.bus import batch_route, raws
from shared.clock import Clock
from shared.dead_letters import DeadLetters
from shared.events.records import claimed_source, parse_record
from shared.events.statements import Refused
from shared.topology import DOOR, RECEIPT_INBOX, RECEIPT_TO, durable
from shared.units import Units


class DossierHandlers:
    """Thin: decode, settle what is bad, call one use case, answer."""

    def __init__(
        self,
        record: RecordStatements,
        dead_letters: DeadLetters,
        units: Units,
        clock: Clock,
        metrics: DossierMetrics,
        client: Callable[[], Awaitable[Client]],
        count: CountRejections,
    ) -> None:
        self._record, self._dead_letters, self._units, self._clock = record, dead_letters, units, clock
        self._metrics, self._client, self._count = metrics, client, count

    async def on_statements(self, message: NatsMessage) -> None:
        """Record one batch of statements; refuse each bad one alone."""
        good = list[tuple[Heard, Msg]]()
        for raw in raws(message):
            try:
                good.append((self._read(raw), raw))
            except Refused as reason:
                await self._refuse(raw, reason)
        await each_or_all(self._apply, good, self._give_up)

    def _read(self, raw: Msg) -> Heard:
        statement = parse_record(raw.data, knows_unit=self._units.__contains__, now=self._clock.now())
        _, _, unit, *_ = raw.subject.split(".")
        if unit != statement.unit:
            reason = f"speaks of unit {statement.unit} on the subject of unit {unit}"
            raise Refused("data.unit", reason, "publish to onestop.v1.<unit>.<kind> of the record's own unit")
        if statement.source == OWN_SOURCE and not statement.id.startswith(f"{unit}/{statement.code}/"):
            # journal keys know no unit: one unit could take the place of another's letters
            reason = f"the ids of {OWN_SOURCE} begin with the unit and the dossier"
            raise Refused("id", reason, "use a source of your own")
        headers = raw.headers or {}
        sequence = raw.metadata.sequence.stream
        return Heard(
            statement=statement,
            door=headers.get(DOOR, "bus"),
            sequence=sequence,
            receipt_to=headers.get(RECEIPT_TO, ""),
        )

    async def _apply(self, heard: Sequence[Heard]) -> None:
        await self._answer([_accepted(verdict) for verdict in await self._record(heard)])

    async def _refuse(self, raw: Msg, reason: Refused) -> None:
        await self._dead_letters.keep(raw, reason)
        self._metrics.statements.labels("", "rejected").inc()
        await self._answer([_rejected(raw, reason)])
        await raw.term()
        unit = raw.subject.split(".")[2]
        source = claimed_source(raw.data)
        rejection = Rejection(source=source, field=reason.field, sender="", may_speak_for=unit.__eq__)
        await self._count([rejection])

    async def _give_up(self, raw: Msg, reason: Exception) -> None:
        await self._refuse(
            raw, Refused("record", f"could not be recorded: {reason}", "tell the operators; it is kept in DEAD")
        )

    async def _answer(self, receipts: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Send receipts after the commit, grouped by who asked; a lost receipt is asked for again by sending again."""
        by_inbox: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for inbox, receipt in receipts:
            if RECEIPT_INBOX.fullmatch(inbox):
                by_inbox[inbox].append(receipt)
        client = await self._client()
        for inbox, of_inbox in by_inbox.items():
            await client.publish(inbox, msgspec.json.encode(of_inbox))


def _accepted(verdict: Verdict) -> tuple[str, dict[str, Any]]:
    statement = verdict.heard.statement
    return verdict.heard.receipt_to, {
        "sequence": verdict.heard.sequence,
        "source": statement.source,
        "id": statement.id,
        "status": verdict.status,
    }


def _rejected(raw: Msg, reason: Refused) -> tuple[str, dict[str, Any]]:
    return (raw.headers or {}).get(RECEIPT_TO, ""), {
        "sequence": raw.metadata.sequence.stream,
        "status": "rejected",
        "field": reason.field,
        "reason": reason.reason,
        "advice": reason.advice,
    }


def routes(handlers: DossierHandlers) -> NatsRouter:
    """What this service reads."""
    return NatsRouter(handlers=(batch_route(handlers.on_statements, durable("dossier")),))
