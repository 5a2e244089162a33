"""Streams, subjects and durables of the system: named once, brought to the wanted shape before any broker starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    ObjectStoreConfig,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import BadRequestError

ONESTOP, DOSSIER, INSPECTION, REPORT, ALERT, DEAD = "ONESTOP", "DOSSIER", "INSPECTION", "REPORT", "ALERT", "DEAD"

BATCH = 500
"""Messages of one fetch, one transaction, one atomic publish; an atomic batch may hold 1,000 at most (ADR-50)."""

RECEIPT_TO = "Motcua-Receipt-To"
"""Header naming the subject that wants the receipt; a reply subject would be answered by JetStream's own PubAck."""
DOOR = "Motcua-Door"
RECEIPT_INBOX = re.compile(r"_INBOX\.((centre|dossier)(\.[\w-]+)+|[\w-]+)", re.ASCII)
"""Receipts go to the inboxes of those who state: a record must not be able to make us publish anywhere else."""
REPORTS = "REPORTS"
"""Object-store bucket of published report files."""

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
    DOSSIER: ("dossier.v1.*.*", "petition.v1.*.*", "source.v1.*.*"),
    INSPECTION: ("plan.v1.*.*", "inspection.v1.*.*"),
    REPORT: ("report.v1.*.*",),
    ALERT: ("alert.v1.*.*",),
    DEAD: ("dead.v1.*",),
}

DURABLES: tuple[Durable, ...] = (
    Durable(service="dossier", stream=ONESTOP, name="dossier", subject="onestop.v1.>"),
    Durable(service="inspection", stream=DOSSIER, name="inspection", subject="dossier.v1.>"),
    Durable(service="inspection", stream=DOSSIER, name="inspection-petition", subject="petition.v1.>"),
    Durable(service="inspection", stream=REPORT, name="inspection-report", subject="report.v1.>"),
    Durable(service="reporting", stream=DOSSIER, name="reporting", subject="dossier.v1.>"),
    Durable(service="reporting", stream=DOSSIER, name="reporting-petition", subject="petition.v1.>"),
    Durable(service="reporting", stream=REPORT, name="reporting-acknowledged", subject="report.v1.*.acknowledged"),
    Durable(service="notification", stream=DOSSIER, name="notification", subject="dossier.v1.>"),
    Durable(service="notification", stream=DOSSIER, name="notification-petition", subject="petition.v1.>"),
    Durable(service="notification", stream=DOSSIER, name="notification-source", subject="source.v1.>"),
    Durable(service="notification", stream=INSPECTION, name="notification-inspection", subject=">"),
    Durable(service="notification", stream=REPORT, name="notification-report", subject="report.v1.>"),
)

SERVICES = ("dossier", "inspection", "reporting", "notification")
OPERATOR, MONITORING, CITY = "operator", "monitoring", "city"
PILOTS = ("10510", "10966")
"""Units whose centres have an account when an installation names no others: phường Thành Đông, xã Bình Giang."""

CITY_DURABLE = Durable(service=CITY, stream=REPORT, name=CITY, subject="report.v1.>")
"""How city systems read REPORT; made for them, because who may create a consumer chooses where its messages go."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who may say and hear what on the bus; nothing else is allowed.

    `inbox` is the prefix under which its answers come (`inbox_prefix` of the client): with the common `_INBOX.` one
    account could listen to what the bus answers another, whole batches of dossiers included.
    """

    name: str
    inbox: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox_of(account: str) -> str:
    """The inbox prefix of an account: `dossier` has `_INBOX.dossier`, `centre-10966` has `_INBOX.centre.10966`."""
    return f"_INBOX.{account.replace('-', '.')}"


def dead_subject(service: str) -> str:
    """Where a service leaves what it could not take."""
    return f"dead.v1.{service}"


def centre_account(unit: str) -> Account:
    """The one-stop centre of one unit: states about its own dossiers, hears its receipts, reads nothing."""
    return _account(f"centre-{unit}", f"onestop.v1.{unit}.>")


def _account(name: str, *says: str) -> Account:
    return Account(name=name, inbox=inbox_of(name), publish=says, subscribe=(f"{inbox_of(name)}.>",))


def _reads(one: Durable) -> tuple[str, ...]:
    """What reading one durable takes: ask for the next messages, acknowledge them, see how far it is."""
    place = f"{one.stream}.{one.name}"
    return f"$JS.API.CONSUMER.MSG.NEXT.{place}", f"$JS.API.CONSUMER.INFO.{place}", f"$JS.ACK.{place}.>"


def _reads_files(bucket: str) -> tuple[str, ...]:
    """What reading an object takes: the bucket, the object's description, its chunks one after the other.

    No consumer, which clients make for the chunks when they may: its messages could be sent to any subject.
    """
    stream = f"OBJ_{bucket}"
    return (
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.STREAM.MSG.GET.{stream}",
        f"$JS.API.DIRECT.GET.{stream}.>",
    )


def _service(name: str, *says: str) -> Account:
    reads = [subject for one in durables_of([name]) for subject in _reads(one)]
    return _account(name, *says, dead_subject(name), *reads)


def durables_of(services: Iterable[str]) -> list[Durable]:
    """The durables that these services read."""
    chosen = set(services)
    return [one for one in DURABLES if one.service in chosen]


_SAYS = tuple(subject for subjects in STREAMS.values() for subject in subjects)
_FILES = f"$O.{REPORTS}.>"

ACCOUNTS: tuple[Account, ...] = (
    # its HTTP and file doors put records on ONESTOP; it alone answers inboxes: those of centres, doors and operators
    _service("dossier", *STREAMS[DOSSIER], *STREAMS[ONESTOP], "_INBOX.*", "_INBOX.centre.>", "_INBOX.dossier.>"),
    _service("inspection", *STREAMS[INSPECTION]),
    _service(
        "reporting",
        *STREAMS[REPORT],
        _FILES,
        *_reads_files(REPORTS),
        f"$JS.API.STREAM.PURGE.OBJ_{REPORTS}",
        # before it closes a report it asks whether all that was said has been read
        *(f"$JS.API.STREAM.INFO.{stream}" for stream in (ONESTOP, DOSSIER)),
        f"$JS.API.CONSUMER.INFO.{ONESTOP}.dossier",
    ),
    _service("notification", *STREAMS[ALERT]),
    Account(
        name=OPERATOR,
        inbox="_INBOX",
        publish=(*_SAYS, _FILES, "$JS.API.>", "$JS.ACK.>", "$JS.FC.>"),
        subscribe=(*_SAYS, _FILES, "_INBOX.>"),
    ),
    _account(CITY, "report.v1.*.acknowledged", *_reads(CITY_DURABLE), *_reads_files(REPORTS)),
    _account(
        MONITORING,
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        "$JS.API.STREAM.LIST",
        "$JS.API.STREAM.INFO.*",
        "$JS.API.CONSUMER.NAMES.*",
        "$JS.API.CONSUMER.LIST.*",
        "$JS.API.CONSUMER.INFO.*.*",
    ),
)
"""Accounts of the bus besides the centres'; docs/security.md has the same table, and a test tries every cell of it."""


def accounts(units: Iterable[str] = PILOTS) -> tuple[Account, ...]:
    """Every account of an installation: the common ones and one for each unit's centre."""
    return (*ACCOUNTS, *(centre_account(unit) for unit in units))


def durable(name: str) -> Durable:
    """The durable of that name; a typo is a `KeyError` at start, never a new consumer."""
    return {one.name: one for one in DURABLES}[name]


def onestop_subject(unit: str, kind: str) -> str:
    """Where the centre's statements of one unit and kind go."""
    return f"onestop.v1.{unit}.{kind}"


def dossier_subject(unit: str, event: str) -> str:
    """Where the dossier service says `event`."""
    return f"dossier.v1.{unit}.{event}"


def petition_subject(unit: str, event: str) -> str:
    """Where the dossier service speaks of petitions."""
    return f"petition.v1.{unit}.{event}"


def source_subject(unit: str, event: str) -> str:
    """Where the dossier service speaks of a source, under the unit of which that source speaks most."""
    return f"source.v1.{unit}.{event}"


def plan_subject(unit: str, event: str) -> str:
    """Where the inspection service speaks of plans."""
    return f"plan.v1.{unit}.{event}"


def report_subject(unit: str, event: str) -> str:
    """Where the reporting service speaks of reports."""
    return f"report.v1.{unit}.{event}"


def alert_subject(unit: str, event: str) -> str:
    """Where the notification service says what it sent."""
    return f"alert.v1.{unit}.{event}"


def of_every_unit(event: str) -> str:
    """Where every unit's `dossier.overdue` goes: `dossier.v1.*.overdue`."""
    family, _, name = event.partition(".")
    return f"{family}.v1.*.{name}"


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


def consumer_configuration(wanted: Durable, only: Sequence[str] = ()) -> ConsumerConfig:
    """A pull consumer on which any number of processes may read: its whole part of the stream, or `only` some subjects.

    `EXPLICIT`: with `ALL` one reader's ack also acknowledges what its neighbour still holds. `max_deliver=-1`: we decide
    what is dead, the server would only fall silent. `max_ack_pending` leaves room for eight processes' batches.
    """
    return ConsumerConfig(
        durable_name=wanted.name,
        filter_subject=None if only or wanted.subject == ">" else wanted.subject,
        filter_subjects=list(only) or None,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=60,
        max_deliver=-1,
        max_ack_pending=16 * BATCH,
    )


async def ensure(js: JetStreamContext, *, replicas: int = 1, only: Mapping[str, Sequence[str]] | None = None) -> None:
    """Bring streams and durables to the wanted configuration; nothing else in the system writes either.

    `only` names, by durable, the subjects that its reader wants of its part of the stream; the rest never travels.
    """
    narrowed = only or {}
    for wanted in stream_configurations(replicas=replicas):
        try:
            await js.add_stream(wanted)  # the same configuration again is a no-op
        except BadRequestError as refusal:
            if refusal.err_code != EXISTS_WITH_ANOTHER_CONFIGURATION:
                raise
            await js.update_stream(wanted)
    # the bucket's stream is the client's business: made here, or the reporting account would have to be allowed to
    try:
        await js.create_object_store(REPORTS, ObjectStoreConfig(replicas=replicas))
    except BadRequestError as refusal:
        if refusal.err_code != EXISTS_WITH_ANOTHER_CONFIGURATION:
            raise
        kept = (await js.stream_info(f"OBJ_{REPORTS}")).config
        await js.update_stream(kept.evolve(num_replicas=replicas))
    for one in (*DURABLES, CITY_DURABLE):
        await js.add_consumer(
            one.stream, consumer_configuration(one, narrowed.get(one.name, ()))
        )  # creates or updates, unlike pull_subscribe
