"""What the dossier service says of petitions: snapshots, with the same promises as those of dossiers (contracts.md §4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec

from shared.events.dossiers import Step, values_by_day
from shared.events.envelope import Envelope, Instant, decode_bounded


class PetitionEvent(StrEnum):
    """Events about petitions on stream DOSSIER; past participles, said once per petition and cause."""

    RECEIVED = "received"
    REJECTED = "rejected"
    TRANSFERRED = "transferred"
    ANSWERED = "answered"
    OVERDUE = "overdue"
    OVERDUE_WITHDRAWN = "overdue_withdrawn"
    PUBLISHED = "published"
    RATED = "rated"
    REOPENED = "reopened"
    CORRECTED = "corrected"


class PetitionState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A petition as it stands after a statement: its status, its two deadlines and the facts that figures are made of."""

    status: str = "unknown"
    received_at: Instant | None = None
    checked_at: Instant | None = None
    """Transferred, taken up, answered or rejected, whichever came first: what the transfer deadline asks for."""
    transfer_due_at: Instant | None = None
    answer_due_at: Instant | None = None
    settled_at: Instant | None = None
    outcome: str | None = None
    """`answered` or `rejected`; nothing while it is open."""
    transferred_at: Instant | None = None
    published_at: Instant | None = None
    reopened_at: Instant | None = None
    """From when the answer's limit runs anew; nothing before the first complaint about an answer."""
    reopenings: int = 0
    late_rounds: int = 0
    """Answers and rejections, each before a reopening, that came after their deadline."""
    rated_at: Instant | None = None
    satisfied: bool | None = None
    complex: bool | None = None
    petition_class: str | None = None
    reason_code: str | None = None
    agency: str | None = None
    channel: str | None = None
    field: str | None = None

    @property
    def is_open(self) -> bool:
        """Received, and neither answered nor rejected since."""
        return self.received_at is not None and self.settled_at is None


class PetitionSnapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A petition with everything that a reader needs; `revision` counts the statements that it was folded from."""

    unit: str
    petition: str
    revision: int
    source: str
    recorded_at: Instant
    state: PetitionState
    timeline: list[Step] = []
    findings: list[str] = []

    @property
    def code(self) -> str:
        """What it is a snapshot of."""
        return self.petition


class PetitionSaid(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of every event about a petition: the snapshot after it, and the values that it changed (new values)."""

    snapshot: PetitionSnapshot
    changed: dict[str, Any] = {}


_said = msgspec.json.Decoder(PetitionSaid)


def read_petition_snapshot(envelope: Envelope) -> PetitionSnapshot:
    """The snapshot that one event about a petition carries; raises `ValueError` when it is not one."""
    return decode_bounded(_said.decode, envelope.data).snapshot


def petition_states_by_day(timeline: Sequence[Step]) -> Iterator[tuple[date, PetitionState]]:
    """The state at the end of each local day on which something changed, oldest first."""
    return ((day, msgspec.convert(values, PetitionState)) for day, values in values_by_day(timeline))
