"""Streams, subjects and durables of the system: named once, brought to the wanted shape before any broker starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError

ONESTOP, DOSSIER, INSPECTION, REPORT, ALERT, DEAD = "ONESTOP", "DOSSIER", "INSPECTION", "REPORT", "ALERT", "DEAD"

BATCH = 500
"""Messages of one fetch, one transaction, one atomic publish; an atomic batch may hold 1,000 at most (ADR-50)."""

RECEIPT_TO = "Motcua-Receipt-To"
"""Header naming the subject that wants the receipt; a reply subject would be answered by JetStream's own PubAck."""
DOOR = "Motcua-Door"
RECEIPT_PREFIX = "_INBOX."
"""Receipts go to inboxes only: a record must not be able to make us publish anywhere else."""

EXISTS_WITH_ANOTHER_CONFIGURATION = 10058


@dataclass(frozen=True, kw_only=True)
class Durable:
    """One durable pull consumer: the service that reads, the stream, and which part of it."""

    service: str
    stream: str
    name: str
    subject: str


STREAMS: dict[str, tuple[str, ...]] = {
    ONESTOP: ("onestop.v1.*.>",),
    DOSSIER: ("dossier.v1.*.*",),
    INSPECTION: ("plan.v1.*.*", "inspection.v1.*.*"),
    REPORT: ("report.v1.*.*",),
    ALERT: ("alert.v1.*.*",),
    DEAD: ("dead.v1.*",),
}

DURABLES: tuple[Durable, ...] = (
    Durable(service="dossier", stream=ONESTOP, name="dossier", subject="onestop.v1.>"),
    Durable(service="inspection", stream=DOSSIER, name="inspection", subject="dossier.v1.>"),
    Durable(service="reporting", stream=DOSSIER, name="reporting", subject="dossier.v1.>"),
    Durable(service="notification", stream=DOSSIER, name="notification", subject="dossier.v1.>"),
    Durable(service="notification", stream=INSPECTION, name="notification-inspection", subject=">"),
    Durable(service="notification", stream=REPORT, name="notification-report", subject="report.v1.>"),
)

SERVICES = ("dossier", "inspection", "reporting", "notification")
OPERATOR, CENTRE = "operator", "centre"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who may say and hear what on the bus; nothing else is allowed."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ("_INBOX.>",)


def _service(name: str, *says: str) -> Account:
    return Account(name=name, publish=(*says, dead_subject(name), "$JS.API.>", "$JS.ACK.>", "_INBOX.>"))


def dead_subject(service: str) -> str:
    """Where a service leaves what it could not take."""
    return f"dead.v1.{service}"


ACCOUNTS: tuple[Account, ...] = (
    _service("dossier", "dossier.v1.>", "onestop.v1.>"),  # its HTTP and file doors put records on ONESTOP
    _service("inspection", "plan.v1.>", "inspection.v1.>"),
    _service("reporting", "report.v1.>"),
    _service("notification", "alert.v1.>"),
    Account(name=OPERATOR, publish=(">",), subscribe=(">",)),
    Account(name=CENTRE, publish=("onestop.v1.>",)),
)
"""Accounts of the bus: each service may say only what it owns; the centre may only state."""


def durable(name: str) -> Durable:
    """The durable of that name; a typo is a `KeyError` at start, never a new consumer."""
    return {one.name: one for one in DURABLES}[name]


def onestop_subject(unit: str, kind: str) -> str:
    """Where the centre's statements of one unit and kind go."""
    return f"onestop.v1.{unit}.{kind}"


def dossier_subject(unit: str, event: str) -> str:
    """Where the dossier service says `event`."""
    return f"dossier.v1.{unit}.{event}"


def plan_subject(unit: str, event: str) -> str:
    """Where the inspection service speaks of plans."""
    return f"plan.v1.{unit}.{event}"


def report_subject(unit: str, event: str) -> str:
    """Where the reporting service speaks of reports."""
    return f"report.v1.{unit}.{event}"


def alert_subject(unit: str, event: str) -> str:
    """Where the notification service says what it sent."""
    return f"alert.v1.{unit}.{event}"


def stream_configurations(*, replicas: int = 1) -> list[StreamConfig]:
    """Every stream with its configuration; durable on disk, atomic batches allowed, nothing discarded silently."""
    return [
        StreamConfig(
            name=name,
            subjects=list(subjects),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            duplicate_window=120,
            num_replicas=replicas,
            allow_atomic=True,
            allow_direct=True,
        )
        for name, subjects in STREAMS.items()
    ]


def consumer_configuration(wanted: Durable) -> ConsumerConfig:
    """A pull consumer on which any number of processes may read.

    `EXPLICIT`: with `ALL` one reader's ack also acknowledges what its neighbour still holds. `max_deliver=-1`: we decide
    what is dead, the server would only fall silent. `max_ack_pending` leaves room for eight processes' batches.
    """
    return ConsumerConfig(
        durable_name=wanted.name,
        filter_subject=None if wanted.subject == ">" else wanted.subject,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=60,
        max_deliver=-1,
        max_ack_pending=16 * BATCH,
    )


async def ensure(js: JetStreamContext, *, replicas: int = 1) -> None:
    """Bring streams and durables to the wanted configuration; nothing else in the system writes either."""
    for wanted in stream_configurations(replicas=replicas):
        try:
            await js.add_stream(wanted)  # the same configuration again is a no-op
        except BadRequestError as refusal:
            if refusal.err_code != EXISTS_WITH_ANOTHER_CONFIGURATION:
                raise
            await js.update_stream(wanted)
    for one in DURABLES:
        await js.add_consumer(one.stream, consumer_configuration(one))  # creates or updates, unlike pull_subscribe


def durables_of(services: Iterable[str]) -> list[Durable]:
    """The durables that these services read."""
    chosen = set(services)
    return [one for one in DURABLES if one.service in chosen]
