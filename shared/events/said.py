"""Every event that the services say, with the shape of its data; alert rules and the contract for machines are made of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from shared.events.alerts import AlertEvent, AlertSaid
from shared.events.dossiers import DossierEvent, DossierSaid
from shared.events.owed_reports import OwedReport, OwedReportEvent
from shared.events.petition_snapshots import PetitionEvent, PetitionSaid
from shared.events.plans import PlanEvent, TargetProgress
from shared.events.reports import (
    AcknowledgementAccepted,
    AcknowledgementOverdue,
    AcknowledgementRefused,
    ReportEvent,
    SignedReport,
)
from shared.events.sources import SourceCard, SourceEvent, SourceHeardAgain, SourceSilent

Shape = type[msgspec.Struct]

SAID: Mapping[str, Shape] = {
    **{f"dossier.{event}": DossierSaid for event in DossierEvent},
    **{f"petition.{event}": PetitionSaid for event in PetitionEvent},
    f"source.{SourceEvent.SILENT}": SourceSilent,
    f"source.{SourceEvent.HEARD_AGAIN}": SourceHeardAgain,
    f"source.{SourceEvent.SCORECARD}": SourceCard,
    **{f"plan.{event}": TargetProgress for event in PlanEvent},
    f"report.{ReportEvent.CLOSED}": SignedReport,
    f"report.{ReportEvent.PUBLISHED}": SignedReport,
    f"report.{ReportEvent.RESTATED}": SignedReport,
    **{f"report.{event.subject_name}": OwedReport for event in OwedReportEvent},
    f"report.{ReportEvent.ACKNOWLEDGEMENT_ACCEPTED}": AcknowledgementAccepted,
    f"report.{ReportEvent.ACKNOWLEDGEMENT_REFUSED}": AcknowledgementRefused,
    f"report.{ReportEvent.ACKNOWLEDGEMENT_OVERDUE}": AcknowledgementOverdue,
    **{f"alert.{event}": AlertSaid for event in AlertEvent},
}
"""`report.closed` is said as type `vn.motcua.report.closed.v1` on `report.v1.<unit>.closed`."""


def event_type(name: str) -> str:
    """`report.closed` → `vn.motcua.report.closed.v1`."""
    return f"vn.motcua.{name}.v1"
