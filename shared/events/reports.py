"""What the reporting service says of closed reports, and what a city answers (contracts.md §8)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from shared.events.envelope import Instant

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
"""What the database could not hold never comes so far."""


class ReportEvent(StrEnum):
    """Events `report.v1.<unit>.…` about a closed report; the first three carry the signed document."""

    CLOSED = "closed"
    PUBLISHED = "published"
    RESTATED = "restated"
    ACKNOWLEDGED = "acknowledged"
    """Said by the city; every other one by us."""
    ACKNOWLEDGEMENT_ACCEPTED = "acknowledgement_accepted"
    ACKNOWLEDGEMENT_REFUSED = "acknowledgement_refused"
    ACKNOWLEDGEMENT_OVERDUE = "acknowledgement_overdue"


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """The dossiers behind the figures: how many, and the Merkle root over them (RFC 9162 §2.1.1), in hex."""

    count: int
    merkle_root: str


class ReportFile(msgspec.Struct, frozen=True, kw_only=True):
    """A document of the report: its digest in hex, and its name in the bucket `REPORTS`, the same for ever."""

    name: str
    media_type: str
    sha256: str
    object: str


class SignedOff(msgspec.Struct, frozen=True, kw_only=True):
    """Who closed or restated it, in which role, when."""

    by: str
    role: str
    at: Instant


class ChangedCell(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that a restatement changed; `field` is the row's field, or its id in a form with one row a measure."""

    field: str
    column: str
    old: int | None
    new: int | None


class Restatement(msgspec.Struct, frozen=True, kw_only=True):
    """The approved proposal and every cell that differs from the version before."""

    proposal: int
    cells: list[ChangedCell]


class SignedReport(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a closed report. `signature` is Ed25519 (base64) over the canonical JSON (RFC 8785) of all the rest."""

    report: str
    """`<form>/<period>`."""
    form: str
    unit: str
    period: str
    begin: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    version: int
    supersedes: int | None
    rows: list[dict[str, Any]]
    """Form II.06a: `field` and `c3` to `c13`; a form with one row a measure: its `id` with count, or hit and base."""
    total: dict[str, Any]
    dossiers: Counted
    fingerprint: str
    """SHA-256 in hex over the figures and the Merkle root: what an acknowledgement repeats."""
    files: list[ReportFile]
    signed_off: SignedOff
    key_id: str
    signature: str
    checks: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    """What held when it was closed; reports of release 0.1.0 do not say."""
    restatement: Restatement | msgspec.UnsetType = msgspec.UNSET


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """Which version the city has taken; the fingerprint shows that it has read these very figures."""

    unit: Code
    form: Code
    period: Code
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    fingerprint: Code

    @property
    def report(self) -> str:
        """`II.06a/2025-Q4`, as in the published event."""
        return f"{self.form}/{self.period}"


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The version that an event about an acknowledgement is about."""

    report: str
    form: str
    unit: str
    period: str
    version: int


class AcknowledgementAccepted(Version, frozen=True, kw_only=True):
    """The city has the version; `by` is the source of its message, `at` its time."""

    fingerprint: str
    by: str
    at: Instant
    late: bool


class AcknowledgementRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message did not count; what it names is empty when it could not be read."""

    report: str
    form: str
    unit: str
    period: str
    version: int | None
    newest: int | None
    """The newest version of the report that it names, when there is one."""
    reason: str
    acknowledgement: str
    """The id of the refused message."""


class AcknowledgementOverdue(Version, frozen=True, kw_only=True):
    """Nobody has acknowledged the version by the day `due`; said once."""

    fingerprint: str
    due: date
