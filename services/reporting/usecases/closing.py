"""Close a report: heard to the end, checked, signed off, frozen and signed in one transaction."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog

from services.reporting import repository
from services.reporting.documents import Paper
from services.reporting.domain import (
    FORM,
    FormOfOtherUnits,
    PeriodNotOver,
    ReportAlreadyClosed,
    ReportNotClosed,
    canonical,
    check_list,
    dossier_leaf,
    fingerprint,
    merkle_root,
    role_of,
)
from services.reporting.forms import ByMeasure, FormInForce
from services.reporting.hearing import Hearing
from services.reporting.metrics import ReportingMetrics
from services.reporting.obligations.repository import missing_reports
from services.reporting.publication import repository as publications
from services.reporting.publication.domain import object_name
from services.reporting.signing import SigningKey
from services.reporting.usecases.measuring import MeasureForms
from shared import outbox
from shared.calendar_periods import CalendarPeriod
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.envelope import Outgoing, encode_event
from shared.events.reports import Counted, ReportEvent, ReportFile, Restatement, SignedOff, SignedReport
from shared.events.said import event_type
from shared.localtime import LOCAL, local_date
from shared.parties import Party
from shared.periods import Period
from shared.topology import REPORT, report_subject
from shared.units import Unit, Units

log = structlog.get_logger()

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
JSONL = "application/jsonl"
FINDINGS = ("without_due_date", "without_channel", "without_agency")
"""Open findings about the data that a report rests on; shown in the signed record, they hinder nobody."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A report with its documents, and what they were rendered from: the same again gives the same bytes."""

    counted: dict[str, Any]
    dossiers: Sequence[dict[str, Any]]
    report: dict[str, Any]
    root: str
    files: Sequence[dict[str, Any]]


class CloseReport:
    """Freezes a report after its last day and says `closed`, in one transaction; `published` follows its files."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        units: Units,
        measure: MeasureForms,
        paper: Paper,
        hearing: Hearing,
        key: Callable[[], SigningKey],
        metrics: ReportingMetrics,
        poke: Callable[[], None],
    ) -> None:
        self._database, self._clock, self._units, self._measure = database, clock, units, measure
        self._paper, self._hearing, self._key, self._metrics, self._poke = paper, hearing, key, metrics, poke

    def window(self, unit: str, code: str, form: str = FORM) -> Period | CalendarPeriod:
        """The days of a unit's period; raises what `MeasureForms.window` raises."""
        return self._measure.window(unit, form, code)

    async def __call__(self, unit: str, form: str, code: str, *, by: Party, role: str | None) -> dict[str, Any]:
        """Close a period in a role (by default the one that the form asks for).

        Raises `RoleMissing`, `PeriodNotOver`, `ReportAlreadyClosed`, `FiguresDoNotBalance`, `FormOfOtherUnits`, `NotYetHeard`,
        `SigningKeyUnusable`, and what `MeasureForms.window` and `find` raise.
        """
        days, now = self._measure.window(unit, form, code), self._clock.now()
        rules = self._measure.find(form, days.begin, days.end, closing=True)
        needed = rules.rules.signed_off.close
        role = role_of(needed, by.roles, role or needed, by=by.name, deed="close reports")
        if isinstance(rules.rules, ByMeasure) and unit not in (rules.rules.units or [unit]):
            raise FormOfOtherUnits(form, unit, rules.rules.units or ())
        if days.end >= local_date(now):
            raise PeriodNotOver(code, days.end, local_date(now))
        key = self._key()
        wanted = {
            "unit": unit, "form": form, "period": code, "version": 1, "supersedes": None, "begin": days.begin,
            "end": days.end, "closed_at": now, "closed_by": by.name, "closed_as": role,
            "checks": {"heard": await self._hearing.catch_up()},
        }  # fmt: skip
        draft = await self._draft(rules, wanted)
        async with self._database.transaction() as session:
            await repository.freeze(session)
            await self._refuse_second(session, wanted)
            report = await self._freeze(session, rules, wanted, key, draft)
            await outbox.add(session, [said(ReportEvent.CLOSED, report)])
            await publications.add(session, report, ReportEvent.PUBLISHED)
            report["missing_reports"] = missing = await missing_reports(session, unit, form, code)
        self._poke()
        self._metrics.closed.labels(unit, form).inc()
        log.info("report_closed", unit=unit, form=form, period=code, fingerprint=report["fingerprint"], missing=missing)
        return report

    async def _refuse_second(self, session: Session[Any], wanted: dict[str, Any]) -> None:
        of = wanted["unit"], wanted["form"], wanted["period"]
        if known := await repository.find_report(session, *of):
            raise ReportAlreadyClosed(*of, known["closed_at"].isoformat())

    async def _draft(self, form: FormInForce, wanted: dict[str, Any]) -> Draft:
        """The documents as they would be now; nobody is held back while they are rendered, and nothing is kept of them."""
        async with self._database.transaction() as session:
            await repository.see_one_state(session)
            await self._refuse_second(session, wanted)
            report, dossiers = await self._count(session, form, wanted)
        return await self._render(form, report, dossiers)

    async def _count(
        self, session: Session[Any], form: FormInForce, wanted: dict[str, Any]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The report with its figures, checked, and the dossiers that it counts."""
        unit, begin, end = wanted["unit"], wanted["begin"], wanted["end"]
        [of] = await self._measure(session, form, [unit], begin, end)
        of.check_balance()
        dossiers = await self._measure.counted(session, form, unit, begin, end)
        check_list(of, dossiers)
        findings = await self._measure.counts(session, FINDINGS, [unit], begin, end)
        checks = {**wanted["checks"], "balance": "ok", "lists": "ok", "findings": findings[unit]}
        return {**wanted, "checks": checks, "figures": of.as_json()}, dossiers

    async def _render(self, form: FormInForce, counted: dict[str, Any], dossiers: Sequence[dict[str, Any]]) -> Draft:
        leaves = [dossier_leaf(one) for one in dossiers]
        root = merkle_root(leaves)
        report = {**counted, "fingerprint": fingerprint(counted["figures"], root)}
        files = await asyncio.to_thread(render, form, self._paper, report, self._units.get(report["unit"]), leaves)
        return Draft(counted=counted, dossiers=dossiers, report=report, root=root, files=files)

    async def _freeze(
        self,
        session: Session[Any],
        form: FormInForce,
        wanted: dict[str, Any],
        key: SigningKey,
        draft: Draft | None = None,
    ) -> dict[str, Any]:
        """Keep the signed report and its files; a draft serves when what is counted now is what it was rendered from."""
        counted, dossiers = await self._count(session, form, wanted)
        if draft is None or (draft.counted, draft.dossiers) != (counted, dossiers):
            draft = await self._render(form, counted, dossiers)
        report = dict(draft.report)
        told = Counted(count=len(dossiers), merkle_root=draft.root)
        report["document"] = sign(report, told, draft.files, key)
        await repository.add_report(session, report, draft.files, dossiers, key.public_pem)
        return report

    def restated_by(self, form: str) -> str:
        """The role that may restate a closed report of a form; raises `UnknownForm`."""
        return self._measure.forms.newest(form).rules.signed_off.restate

    def poke(self) -> None:
        """Something was committed for the bus."""
        self._poke()

    async def restate(
        self, session: Session[Any], old: dict[str, Any], proposal: dict[str, Any], *, by: str, role: str
    ) -> dict[str, Any]:
        """Freeze the next version in the caller's transaction, which `repository.freeze` began; `restated` follows its files."""
        form = self._measure.find(old["form"], old["begin"], old["end"])
        report = await self._freeze(session, form, {
            **{name: old[name] for name in ("unit", "form", "period", "begin", "end")}, "version": old["version"] + 1,
            "supersedes": old["version"], "closed_at": self._clock.now(), "closed_by": by, "closed_as": role, "checks": {},
            "restatement": {"proposal": proposal["id"], "cells": proposal["cells"]},
        }, self._key())  # fmt: skip
        await publications.add(session, report, ReportEvent.RESTATED)
        return report

    async def closed(self, unit: str, form: str, code: str, version: int | None = None) -> dict[str, Any]:
        """A version of a closed report, by default the newest; raises `ReportNotClosed`."""
        async with self._database.transaction() as session:
            report = await repository.find_report(session, unit, form, code, version)
        if report is None:
            raise ReportNotClosed(unit, form, code)
        return report

    async def file(self, report: dict[str, Any], name: str) -> dict[str, Any]:
        """One document of a closed report; raises `LookupError` for a name that it does not have."""
        if name == f"{stem(report)}.json":
            return {"name": name, "media_type": "application/json", "content": report["document"]}
        async with self._database.transaction() as session:
            found = await repository.find_file(session, report, name)
        if found is None:
            raise LookupError(f"the report has no file {name!r}")
        return found

    async def keys(self) -> list[dict[str, Any]]:
        """The public keys that check closed reports."""
        async with self._database.transaction() as session:
            return await repository.list_keys(session)

    async def list(
        self, units: Sequence[str], *, form: str | None = None, period: str | None = None, version: int | None = None
    ) -> list[dict[str, Any]]:
        """Closed reports of these units, or of all: every one, or those of a form, a period, a version."""
        async with self._database.transaction() as session:
            return await repository.list_reports(session, units or None, form=form, period=period, version=version)


def stem(report: dict[str, Any]) -> str:
    """The name that a report's files share: `II.06a_10966_2025-Q4_v1`."""
    return f"{report['form']}_{report['unit']}_{report['period']}_v{report['version']}"


def render(
    form: FormInForce, paper: Paper, report: dict[str, Any], unit: Unit, leaves: Sequence[bytes]
) -> list[dict[str, Any]]:
    """Every document of a report but the signed one; the same report gives the same bytes."""
    at = _local(report["closed_at"])
    content = paper.content(form, report, unit, at)
    contents = (
        (".xlsx", XLSX, paper.write_xlsx(form, report, unit, at)),
        (".pdf", PDF, paper.write_pdf(content, at)),
        (".docx", DOCX, paper.write_docx(content, at)),
        (".dossiers.jsonl", JSONL, b"".join(leaf + b"\n" for leaf in leaves)),
    )
    return [
        {
            "name": stem(report) + suffix,
            "media_type": media_type,
            "sha256": hashlib.sha256(body).hexdigest(),
            "content": body,
        }
        for suffix, media_type, body in contents
    ]


def sign(report: dict[str, Any], dossiers: Counted, files: Sequence[dict[str, Any]], key: SigningKey) -> bytes:
    """The signed document (contracts.md §8), in canonical JSON; the signature covers everything else in it."""
    frozen = report["figures"]
    restated = msgspec.convert(report["restatement"], Restatement) if "restatement" in report else msgspec.UNSET
    whole = SignedReport(
        report=f"{report['form']}/{report['period']}", form=report["form"], unit=report["unit"], period=report["period"],
        begin=report["begin"], end=report["end"], version=report["version"], supersedes=report["supersedes"],
        rows=frozen["rows"], total=frozen["total"], dossiers=dossiers, fingerprint=report["fingerprint"],
        key_id=key.key_id, checks=report["checks"], signature="",
        signed_off=SignedOff(by=report["closed_by"], role=report["closed_as"], at=_local(report["closed_at"])),
        files=[ReportFile(
            name=one["name"], media_type=one["media_type"], sha256=one["sha256"], object=object_name(report, one["name"])
        ) for one in files],
        restatement=restated,
    )  # fmt: skip
    rest = msgspec.to_builtins(whole)
    del rest["signature"]
    return canonical({**rest, "signature": key.sign(canonical(rest))})


def said(event: ReportEvent, report: dict[str, Any]) -> Outgoing:
    """An event about a report; `data` is the signed document."""
    unit, code = report["unit"], f"{report['form']}/{report['period']}"
    event_id = f"report/{unit}/{code}/{report['version']}/{event}"
    return Outgoing(
        stream=REPORT,
        subject=report_subject(unit, event),
        id=event_id,
        body=encode_event(
            type=event_type(f"report.{event}"), id=event_id, source=f"/motcua/reporting/{unit}", subject=code,
            time=_local(report["closed_at"]), data=json.loads(report["document"]),
        ),
    )  # fmt: skip


def _local(instant: datetime) -> datetime:
    # the database answers in its session's zone; the documents must not depend on it
    return instant.astimezone(LOCAL)
