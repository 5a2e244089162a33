"""What the dossier service says: snapshots of dossiers (contracts.md §4).

A reader that keeps the highest revision of each dossier has everything. The timeline holds what became known by the
time it happened, so any reader can answer "as of" any day without asking back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any

import msgspec

from shared.events.envelope import Envelope, Instant, decode_bounded
from shared.localtime import local_date


class DossierEvent(StrEnum):
    """Events of stream DOSSIER; past participles, said once per dossier and cause."""

    RECEIVED = "received"
    REFUSED = "refused"
    PAUSED = "paused"
    RESUMED = "resumed"
    EXTENDED = "extended"
    RESOLVED = "resolved"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    STOPPED = "stopped"
    HANDED_OVER = "handed_over"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    OVERDUE_WITHDRAWN = "overdue_withdrawn"
    APOLOGISED = "apologised"
    RATED = "rated"
    CORRECTED = "corrected"


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dossier as it stands after a statement: its status, its clocks and the facts that figures are made of."""

    status: str = "unknown"
    received_at: Instant | None = None
    due_at: Instant | None = None
    waiting_since: Instant | None = None
    finished_at: Instant | None = None
    outcome: str | None = None
    procedure: str | None = None
    procedure_name: str | None = None
    field: str | None = None
    agency: str | None = None
    channel: str | None = None
    service_level: str | None = None
    applicant: str | None = None
    submitted_at: Instant | None = None
    extended_due_at: Instant | None = None
    extensions: int = 0
    apologised_at: Instant | None = None
    fee_due: bool | None = None
    paid_online: bool | None = None
    digitised_input: bool | None = None
    digitised_result: bool | None = None
    e_result: bool | None = None
    reused_data: bool | None = None
    postal_return: bool | None = None
    cross_boundary: bool | None = None
    certified_copy: str | None = None
    result_file: bool | None = None
    inter_agency: bool | None = None
    rating: int | None = None
    rated_at: Instant | None = None
    reason_code: str | None = None
    internal_received_at: Instant | None = None
    internal_due_at: Instant | None = None
    internal_finished_at: Instant | None = None

    @property
    def is_finished(self) -> bool:
        """Completed, handed over, returned, withdrawn or stopped, and not re-opened since."""
        return self.finished_at is not None

    @property
    def is_open(self) -> bool:
        """Received and not finished: what columns 11–13 of form II.06a count."""
        return self.received_at is not None and self.finished_at is None

    @property
    def is_waiting(self) -> bool:
        """Waits for a supplement or a fee: the clock stands still, the dossier is never overdue meanwhile."""
        return self.waiting_since is not None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a dossier: when it happened, the statement's kind, and the values of `State` that became new."""

    at: Instant
    kind: str
    to: dict[str, Any]


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """One statement about a dossier: its kind, when that happened, who said it, and under which id."""

    kind: str
    at: Instant
    source: str
    id: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dossier with everything that a reader needs; `revision` counts the statements that it was folded from.

    `stated` are the statements that this revision added to the one before, in the order in which they happened; empty in
    events of releases that did not name them.
    """

    unit: str
    dossier: str
    revision: int
    source: str
    recorded_at: Instant
    state: State
    timeline: list[Step] = []
    findings: list[str] = []
    stated: list[Stated] = []

    @property
    def code(self) -> str:
        """What it is a snapshot of."""
        return self.dossier


class DossierSaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of every event of stream DOSSIER: the snapshot after it, and the values that it changed (new values)."""

    snapshot: Snapshot
    changed: dict[str, Any] = {}


_said = msgspec.json.Decoder(DossierSaid)
_encode = msgspec.json.Encoder().encode


def read_snapshot(envelope: Envelope) -> Snapshot:
    """The snapshot that one dossier event carries; raises `ValueError` when it is not one."""
    return decode_bounded(_said.decode, envelope.data).snapshot


def read_said(envelope: Envelope) -> DossierSaid:
    """The whole data of one dossier event; raises `ValueError` when it is not one."""
    return decode_bounded(_said.decode, envelope.data)


def write_snapshot(snapshot: Snapshot) -> msgspec.Raw:
    """A snapshot as JSON: written once, for the row and for every event that tells of it."""
    return msgspec.Raw(_encode(snapshot))


def write_said(snapshot: msgspec.Raw, changed: dict[str, Any]) -> dict[str, Any]:
    """The `data` that `read_said` reads, around a snapshot that is written already."""
    return {"snapshot": snapshot, "changed": changed} if changed else {"snapshot": snapshot}


def states_by_day(timeline: Sequence[Step]) -> Iterator[tuple[date, State]]:
    """The state at the end of each local day on which something changed, oldest first."""
    return ((day, msgspec.convert(values, State)) for day, values in values_by_day(timeline))


def values_by_day(timeline: Sequence[Step]) -> Iterator[tuple[date, dict[str, Any]]]:
    """As `states_by_day`, whatever kind of state the timeline is of."""
    values: dict[str, Any] = {}
    for day, steps in groupby(timeline, key=lambda step: local_date(step.at)):
        for step in steps:
            values.update(step.to)
        yield day, dict(values)
