"""What the city is given under which name, what an acknowledgement is, and whether it counts; knows neither database nor bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import msgspec

from shared.events.envelope import Envelope, decode_bounded
from shared.events.reports import Acknowledgement, Code, ReportEvent
from shared.events.said import event_type
from shared.rules import RuleModel

ACKNOWLEDGED = event_type(f"report.{ReportEvent.ACKNOWLEDGED}")
YEARS = range(1900, 2200)


def object_name(report: Mapping[str, Any], name: str) -> str:
    """Where a file lies in the bucket: `10966/2025-Q4/II.06a/v1/II.06a_10966_2025-Q4_v1.xlsx`; the same for ever."""
    return f"{report['unit']}/{report['period']}/{report['form']}/v{report['version']}/{name}"


class AcknowledgementRule(RuleModel):
    """Within how many working days after publication the city acknowledges a form, from a day on."""

    form: str
    within_working_days: int
    valid_from: date
    source: str


class PublicationRules(RuleModel):
    """`publication.yaml`."""

    acknowledgements: list[AcknowledgementRule]

    def within(self, form: str, on: date) -> int | None:
        """Working days for a form published on a day; none when no rule holds, and then nothing is ever overdue."""
        held = [one for one in self.acknowledgements if one.form == form and one.valid_from <= on]
        return max(held, key=lambda one: one.valid_from).within_working_days if held else None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A message on a unit's subject: what it acknowledges, or why it cannot be read; `key` is the same when it comes again."""

    unit: str
    key: str
    by: str = ""
    at: datetime | None = None
    says: Acknowledgement | None = None
    problem: str = ""


def read_acknowledgement(unit: str, envelope: Envelope) -> Heard:
    """What an event on this unit's subject says; raises `ValueError` naming the offending field."""
    if envelope.type != ACKNOWLEDGED:
        raise ValueError(f"type is {envelope.type!r}; an acknowledgement is {ACKNOWLEDGED}")
    if envelope.time.year not in YEARS:
        raise ValueError(f"time lies in the year {envelope.time.year}")
    for name in ("id", "source"):
        msgspec.convert(getattr(envelope, name), Code)
    says = decode_bounded(_decoder.decode, envelope.data)
    return Heard(unit=unit, key=f"{envelope.source}\n{envelope.id}", by=envelope.source, at=envelope.time, says=says)


_decoder = msgspec.json.Decoder(Acknowledgement)


@dataclass(frozen=True, kw_only=True)
class Version:
    """A published version as it is known when an acknowledgement of its report comes."""

    version: int
    fingerprint: str
    is_acknowledged: bool


class Verdict(StrEnum):
    """What becomes of an acknowledgement."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    REFUSED = "refused"


def judge(heard: Heard, versions: Sequence[Version]) -> tuple[Verdict, str]:
    """The verdict, and the reason of a refusal; `versions` are those of the report that it names, in any order."""
    says = heard.says
    if says is None:
        return Verdict.REFUSED, heard.problem
    if says.unit != heard.unit:
        return Verdict.REFUSED, f"the subject names unit {heard.unit}, data.unit is {says.unit}"
    known = {one.version: one for one in versions}
    if says.version not in known:
        newest = f"the newest version is {max(known)}" if known else "no such report is closed"
        return Verdict.REFUSED, f"unknown report {says.report} v{says.version} of unit {says.unit}: {newest}"
    of = known[says.version]
    if says.fingerprint != of.fingerprint:
        reason = f"another fingerprint than {says.report} v{says.version} has; take the report from the bus again"
        return Verdict.REFUSED, reason
    if of.is_acknowledged:
        return Verdict.REPEATED, ""
    if says.version < max(known):
        return Verdict.REFUSED, f"{says.report} v{says.version} is superseded; acknowledge v{max(known)}"
    return Verdict.ACCEPTED, ""
