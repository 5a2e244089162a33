"""What the reporting service says of reports that are owed: who owes which to whom, by when, and how far it is.

Each event carries the whole owed report and a revision; a reader that keeps the highest revision has everything.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from shared.events.envelope import Envelope, decode_bounded


class OwedReportEvent(StrEnum):
    """Events `report.v1.<unit>.unit_report_…`, said once each per owed report and revision."""

    OPENED = "opened"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    DUE = "due"
    LATE = "late"
    RECEIVED = "received"
    CHECKED = "checked"
    COMPILED = "compiled"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"

    @property
    def subject_name(self) -> str:
        """The event's name on the bus: `unit_report_late`."""
        return f"unit_report_{self.value}"


SUBJECT_NAMES = frozenset(one.subject_name for one in OwedReportEvent)


class OwedReport(msgspec.Struct, frozen=True, kw_only=True):
    """One owed report after an event; `code` names it within its unit: `kinh-te/ttpvhcc/II.06a/2025-Q4`."""

    unit: str
    code: str
    revision: int
    state: str
    rung: str
    owed_by: str
    owed_by_kind: str
    owed_by_vi: str
    owed_to: str
    owed_to_kind: str
    owed_to_vi: str
    report: str
    form: str
    period: str
    period_vi: str
    begin: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    due: date | None = None
    assumed: bool = False
    late: bool = False
    """Whether `unit_report_late` was said; it stays true when the report comes later."""
    handed_in_on: date | None = None
    """The day a department's report was received, or the unit's own was sent."""
    number: str = ""


def read_owed_report(envelope: Envelope) -> OwedReport:
    """The owed report of an event; raises `ValueError` naming the offending field."""
    return decode_bounded(_decoder.decode, envelope.data)


_decoder = msgspec.json.Decoder(OwedReport)
