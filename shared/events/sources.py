"""What the dossier service says of those who state: fallen silent, heard again, and each day's card."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from shared.events.envelope import Instant


class SourceEvent(StrEnum):
    """Events `source.v1.<unit>.…`, under the unit of which the source speaks most."""

    SILENT = "silent"
    HEARD_AGAIN = "heard_again"
    SCORECARD = "scorecard"


class SourceSilent(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was heard of a live source since `since`, for `after_minutes` minutes of office hours."""

    unit: str
    source: str
    since: Instant
    after_minutes: int


class SourceHeardAgain(msgspec.Struct, frozen=True, kw_only=True):
    """The silence between two instants is over."""

    unit: str
    source: str
    since: Instant
    until: Instant


class Gaps(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that a source's own numbering has skipped."""

    missing: int
    examples: list[str]


class SourceCard(msgspec.Struct, frozen=True, kw_only=True):
    """One source on one local day of recording; delays in seconds, silence in office minutes."""

    unit: str
    source: str
    day: date
    accepted: int
    duplicate: int
    out_of_order: int
    rejected: int
    rejected_fields: dict[str, int]
    delay_p50: int | None
    delay_p95: int | None
    received: int
    missing_facts: dict[str, int]
    reopened: int
    backward: int
    code_date_differs: int
    id_gaps: Gaps
    code_gaps: Gaps
    longest_silence: int
