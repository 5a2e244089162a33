"""`POST /v1/sheets`: a dossier sheet in, a verdict for every row out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from services.dossier.doors import Doors, NoReceipt
from services.dossier.files import FileUnreadable, OpenedFile, SheetMapping, load_mapping, open_file, stored_mapping
from services.dossier.scorecard.usecases import CountRejections
from services.dossier.sheets.receiving import MULTIPART, Options, Received, Unusable, receive
from services.dossier.sheets.usecases import TakeSheet, Verdict, Verdicts
from shared.clock import Clock
from shared.dead_letters import DeadLetters
from shared.parties import Forbidden, Party, Tokens
from shared.rules import RuleError
from shared.units import Units

AT_ONCE = 2
"""Sheets taken at the same time; workbooks are opened one after the other, for each costs a processor and some 100 MB."""
Hear = Callable[[dict[str, datetime]], Awaitable[None]]


class RowReceipt(BaseModel):
    """What happened to one row; `line` as the person who made the sheet sees it."""

    line: int
    code: str | None = None
    status: Literal["accepted", "duplicate", "rejected"]
    field: str | None = None
    reason: str | None = None
    advice: str | None = None


class ReasonCount(BaseModel):
    """One kind of refusal, how many rows it met, the first of their lines and of their different cells."""

    field: str
    reason: str
    advice: str
    rows: int
    lines: list[int]
    examples: list[str]


class SheetReceipts(BaseModel):
    """All rows counted; as many listed as asked for, the rejected ones before all others."""

    file: str
    dry_run: bool
    accepted: int
    duplicate: int
    rejected: int
    statements: dict[str, int]
    reasons: list[ReasonCount]
    items: list[RowReceipt]
    left_out: dict[str, int]


class SheetsApi:
    """The door with what it needs; `router()` gives the route."""

    def __init__(
        self,
        *,
        doors: Doors,
        hear_file: Hear,
        dead_letters: DeadLetters,
        units: Units,
        tokens: Tokens,
        clock: Clock,
        rules: Path,
        count: CountRejections,
    ) -> None:
        self._take = TakeSheet(doors, hear_file, dead_letters, count)
        self._units, self._tokens, self._clock, self._rules = units, tokens, clock, rules
        self._slots, self._opening = asyncio.Semaphore(AT_ONCE), asyncio.Lock()

    def router(self) -> APIRouter:
        """`POST /v1/sheets`."""
        router = APIRouter()
        router.add_api_route(
            "/v1/sheets",
            self.sheets,
            methods=["POST"],
            response_model=SheetReceipts,
            openapi_extra=_SHEETS,
            responses={status: {"description": said} for status, said in _REFUSALS.items()},
        )
        return router

    async def sheets(self, request: Request) -> Response:
        """A dossier sheet (CSV or XLSX, also gzipped): a form with a part `file`, or the file as the body.

        Every row is judged alone and answered after the journal has it; nothing of the sheet is held in memory.
        """
        party = self._tokens.party(request)
        try:
            async with receive(request) as received:
                return await self._answer(received, party)
        except Unusable as error:
            return _refused(422, str(error))
        except RuleError as error:
            return _refused(422, str(error))
        except FileUnreadable as error:
            return _refused(400, str(error))
        except NoReceipt as error:
            return _later(f"{error}; send the same sheet again, nothing is counted twice", 30)
        except OSError as error:
            return _later(f"the sheet cannot be kept while it is read: {error.strerror}", 60)

    async def _answer(self, received: Received, party: Party) -> Response:
        options = received.options
        if options.unit is not None and options.unit not in self._units:
            raise Unusable(f"unit: unknown unit {options.unit[:40]!r} (use the five-digit code since 01/07/2025)")
        if options.unit is not None and not party.may_speak_for(options.unit):
            raise Forbidden(f"{party.name} may not speak for unit {options.unit}")
        if self._slots.locked():
            return _later(f"{AT_ONCE} sheets are being read already; send it again in half a minute", 30)
        async with self._slots:
            async with self._opening:
                sheet = await asyncio.to_thread(self._open, received)
            async with _one_error():
                verdicts = await self._take(
                    sheet, party=party, name=options.name, dry_run=options.dry_run, limit=options.limit
                )
        body = _said(verdicts, options).model_dump_json(exclude_none=True)
        return Response(body, media_type="application/json")

    def _open(self, received: Received) -> OpenedFile:
        options = received.options
        return open_file(
            received.path,
            knows_unit=self._units.__contains__,
            now=self._clock.now(),
            unit=options.unit,
            as_of=options.as_of,
            name=options.name,
            mapping=self._mapping(received),
            only_sheets=True,
        )

    def _mapping(self, received: Received) -> SheetMapping | None:
        knows_unit = self._units.__contains__
        if received.mapping is not None:
            return load_mapping(received.mapping, knows_unit, "mapping")
        name = received.options.mapping
        if name is None:
            return None
        path = stored_mapping(self._rules, name)
        if path is None:
            raise Unusable(f"mapping: no mapping {name[:40]!r} is stored here (send it as a file, part mapping)")
        return load_mapping(path, knows_unit, f"{name}.yaml")


@asynccontextmanager
async def _one_error() -> AsyncIterator[None]:
    """Several batches may fail of one cause: the first stands for all."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group


def _said(verdicts: Verdicts, options: Options) -> SheetReceipts:
    rows = verdicts.rows
    return SheetReceipts(
        file=options.name,
        dry_run=options.dry_run,
        accepted=rows["accepted"],
        duplicate=rows["duplicate"],
        rejected=rows["rejected"],
        statements=dict(verdicts.statements),
        reasons=[ReasonCount.model_validate(one, from_attributes=True) for one in verdicts.tally.reasons()],
        items=[_row(verdict) for verdict in verdicts.listed()],
        left_out=verdicts.left_out(),
    )


def _row(verdict: Verdict) -> RowReceipt:
    receipt = RowReceipt(line=verdict.line, code=verdict.code or None, status=verdict.status)
    if verdict.refused is not None:
        receipt.field, receipt.reason = verdict.refused.field, verdict.refused.reason
        receipt.advice = verdict.refused.advice or None
    return receipt


def _refused(status: int, reason: str) -> JSONResponse:
    return JSONResponse({"error": reason}, status_code=status)


def _later(reason: str, seconds: int) -> JSONResponse:
    return JSONResponse({"error": reason}, status_code=503, headers={"Retry-After": str(seconds)})


_REFUSALS: dict[int | str, str] = {
    400: "the file cannot be read, and why",
    401: "no valid token",
    403: "the token may not speak for the unit",
    408: "the body came too slowly",
    413: "the body is too large",
    422: "an option or the mapping is wrong, and where",
    503: "not now; the same sheet again does no harm",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FIELDS = {
    name: {key: value for key, value in said.items() if key in ("type", "anyOf", "format", "description", "default")}
    for name, said in Options.model_json_schema()["properties"].items()
}
_SHEETS: dict[str, Any] = {
    "parameters": [{"name": name, "in": "query", "required": False, "schema": said} for name, said in _FIELDS.items()],
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}, **_FIELDS},
                    "required": ["file"],
                }
            },
            "text/csv": _BINARY,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _BINARY,
            "application/octet-stream": _BINARY,
        },
    },
}
