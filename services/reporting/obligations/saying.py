"""An owed report as an event on REPORT: the whole of it after the change, named by its revision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.reporting.documents import period_title
from services.reporting.obligations.rules import Obligations
from shared.events.envelope import Outgoing, encode_event
from shared.events.owed_reports import OwedReport, OwedReportEvent
from shared.localtime import LOCAL
from shared.topology import REPORT, report_subject


def said(book: Obligations, event: OwedReportEvent, row: Mapping[str, Any], time: datetime) -> Outgoing:
    """The event about a row as it is now; `time` is when it happened, which may be before it was noticed."""
    unit, name = row["unit"], event.subject_name
    event_id = f"report/{unit}/owed/{row['code']}/{row['revision']}/{name}"
    data = OwedReport(
        unit=unit, code=row["code"], revision=row["revision"], state=row["state"], rung=row["field"],
        owed_by=row["agency"], owed_by_kind=row["owed_by_kind"], owed_by_vi=name_of(book, row["agency"]),
        owed_to=row["owed_to"], owed_to_kind=row["owed_to_kind"], owed_to_vi=name_of(book, row["owed_to"]),
        report=f"{row['form']}/{row['period']}", form=row["form"], period=row["period"],
        period_vi=period_title(row["period"]), begin=row["begin"], end=row["end"], due=row["due_on"],
        assumed=row["assumed"], late=row["late"], handed_in_on=row["handed_in_on"],
        number=(row["document"] or {}).get("number", ""),
    )  # fmt: skip
    return Outgoing(
        stream=REPORT,
        subject=report_subject(unit, name),
        id=event_id,
        body=encode_event(
            type=f"vn.motcua.report.{name}.v1", id=event_id, source=f"/motcua/reporting/{unit}", subject=row["code"],
            time=time.astimezone(LOCAL), data=data,
        ),
    )  # fmt: skip


def name_of(book: Obligations, slug: str) -> str:
    """What people call a party; the slug of one that the rules have forgotten."""
    return book.parties[slug].name_vi if slug in book.parties else slug
