"""HTTP doors of the dossier service: records in, receipts out; each item is judged alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from services.dossier.domain import OWN_SOURCE
from services.dossier.doors import Doors, NoReceipt
from services.dossier.messages import FINDING
from services.dossier.scorecard.usecases import CountRejections, Rejection
from services.dossier.sheets.usecases import rejection
from services.dossier.usecases import HearFile, ListFindings
from shared.clock import Clock
from shared.dead_letters import DeadLetters
from shared.events.envelope import BATCH_TYPE, decode_bounded
from shared.events.records import Record, claimed_source, parse_record
from shared.events.statements import Refused
from shared.http import Key, Moment, Number
from shared.parties import Forbidden, Party, Tokens
from shared.units import Units

MAX_ITEMS = 5_000
LINES_TYPES = {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
"""Media types under which senders call JSON Lines; the first is what we ask for."""
SEND_AS_LINES = (
    "the body holds several JSON documents, one a line: send it with Content-Type: application/x-ndjson, "
    "or as one JSON array with Content-Type: application/cloudevents-batch+json"
)
_raw_items = msgspec.json.Decoder(list[msgspec.Raw])


class Receipt(BaseModel):
    """What happened to one item of a request."""

    index: int
    id: str | None = None
    status: Literal["accepted", "duplicate", "rejected"]
    field: str | None = None
    reason: str | None = None
    advice: str | None = None


class Receipts(BaseModel):
    """The verdict of every item, in the order sent."""

    accepted: int
    duplicate: int
    rejected: int
    items: list[Receipt]


class RefusedInFile(BaseModel):
    """How many items of a file its reader refused at one field; `source` is empty where an item names none."""

    source: Key | Literal[""] = ""
    field: Key
    count: Annotated[Number, Field(ge=1)]


class Heard(BaseModel):
    """How far a file's sources were heard, and what of it was refused before it was sent."""

    sources: dict[Key, Moment] = Field(max_length=MAX_ITEMS)
    refused: list[RefusedInFile] = Field(default_factory=list, max_length=MAX_ITEMS)


class DossierFinding(BaseModel):
    """One unusual thing about one dossier."""

    dossier: str
    code: str
    text: str


class Findings(BaseModel):
    """A page of findings; `next` continues it as `after`, and is missing on the last page."""

    unit: str
    items: list[DossierFinding]
    next: str | None


class DossierApi:
    """The doors with what they need; `router()` gives the routes."""

    def __init__(
        self,
        *,
        doors: Doors,
        hear_file: HearFile,
        list_findings: ListFindings,
        dead_letters: DeadLetters,
        units: Units,
        tokens: Tokens,
        clock: Clock,
        count: CountRejections,
    ) -> None:
        self._doors, self._hear_file, self._dead_letters = doors, hear_file, dead_letters
        self._list_findings, self._count = list_findings, count
        self._units, self._tokens, self._clock = units, tokens, clock

    def router(self) -> APIRouter:
        """`POST /v1/records`, `POST /v1/heard` and `GET /v1/findings`."""
        router = APIRouter()
        router.add_api_route(
            "/v1/records", self.records, methods=["POST"], response_model=Receipts, openapi_extra=_RECORDS
        )
        router.add_api_route("/v1/heard", self.heard, methods=["POST"], status_code=204)
        router.add_api_route("/v1/findings", self.findings, methods=["GET"], response_model=Findings)
        return router

    async def records(self, request: Request, door: Annotated[Literal["http", "file"], Query()] = "http") -> Response:
        """One CloudEvent, a batch as `application/cloudevents-batch+json`, or JSON Lines as `application/x-ndjson`.

        Answers per item after the journal has it.
        """
        party = self._tokens.party(request)
        try:
            items = split_records(await request.body(), request.headers.get("content-type", ""))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        if len(items) > MAX_ITEMS:
            return JSONResponse({"error": f"a request carries at most {MAX_ITEMS:,} records"}, status_code=413)
        try:
            receipts = await self._judge(items, party, door)
        except NoReceipt as error:
            headers = {"Retry-After": "5"}
            return JSONResponse({"error": f"{error}; send the same records again"}, status_code=503, headers=headers)
        return Response(_counted(receipts).model_dump_json(exclude_none=True), media_type="application/json")

    async def heard(self, request: Request, heard: Heard) -> Response:
        """A file was handed in to its end: its dossiers may be judged up to the given instants, its refusals are counted."""
        party = self._tokens.party(request)
        if "import" not in party.roles:
            raise Forbidden(f"{party.name} may not declare how far a file was heard")
        sources: dict[str, datetime] = dict(heard.sources)
        await self._hear_file(sources)
        if heard.refused:
            await self._count([rejection(one.source, one.field, one.count, party) for one in heard.refused])
        return Response(status_code=204)

    async def findings(
        self,
        request: Request,
        unit: str,
        code: str | None = None,
        after: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Findings:
        """What is unusual about a unit's dossiers, by dossier; only the finding `code`, when given; `limit` dossiers a page."""
        self._tokens.reader(request, unit)
        page = await self._list_findings(unit, code, after, limit)
        items = [
            DossierFinding(dossier=one.dossier, code=found, text=FINDING[found])
            for one in page
            for found in one.findings
            if code in (None, found)
        ]
        return Findings(unit=unit, items=items, next=page[-1].dossier if len(page) == limit else None)

    async def _judge(self, items: list[bytes], party: Party, door: str) -> list[Receipt]:
        good, receipts, dead = list[tuple[int, Record]](), dict[int, Receipt](), list[tuple[str, bytes, Exception]]()
        refused = list[Rejection]()
        for index, item in enumerate(items):
            try:
                good.append((index, self._read(item, party)))
            except Refused as reason:
                receipts[index] = _rejected(index, reason)
                dead.append((f"http {party.name}", item, reason))
                source, may_speak_for = claimed_source(item), party.may_speak_for
                refused.append(
                    Rejection(source=source, field=reason.field, sender=party.name, may_speak_for=may_speak_for)
                )
        if dead:
            await self._dead_letters.keep_all(dead)
            await self._count(refused)
        statuses = await self._doors.say([statement for _, statement in good], door)
        for (index, statement), status in zip(good, statuses, strict=True):
            receipts[index] = Receipt(index=index, id=statement.id, status=status)
        return [receipts[index] for index in range(len(items))]

    def _read(self, item: bytes, party: Party) -> Record:
        statement = parse_record(item, knows_unit=self._units.__contains__, now=self._clock.now())
        if not party.may_speak_for(statement.unit):
            raise Refused(
                "data.unit", f"this token may not speak for unit {statement.unit}", "use the unit's own token"
            )
        if statement.source == OWN_SOURCE:
            raise Refused("source", f"{OWN_SOURCE} is the source of letters issued here", "use a source of your own")
        return statement


def split_records(body: bytes, media_type: str) -> list[bytes]:
    """The records of a body, each as its own bytes; raises `ValueError` for a body that cannot be split."""
    if media_type.partition(";")[0].strip().lower() in LINES_TYPES:
        return [line for line in map(bytes.strip, body.removeprefix(b"\xef\xbb\xbf").split(b"\n")) if line]
    if body.lstrip()[:1] != b"[":
        if _is_lines(body):
            raise ValueError(SEND_AS_LINES)
        return [body]
    try:
        return [bytes(item) for item in decode_bounded(_raw_items.decode, body)]
    except ValueError as error:
        raise ValueError(f"the body is not valid JSON: {error}") from error


def _is_lines(body: bytes) -> bool:
    """Whether a body is several JSON objects, one a line: as one record they would be refused with a riddle."""
    first, _, rest = body.strip().partition(b"\n")
    if not rest.lstrip().startswith(b"{"):
        return False
    try:
        return isinstance(decode_bounded(msgspec.json.decode, first), dict)
    except ValueError:
        return False


def _rejected(index: int, reason: Refused) -> Receipt:
    return Receipt(
        index=index, status="rejected", field=reason.field, reason=reason.reason, advice=reason.advice or None
    )


def _counted(receipts: list[Receipt]) -> Receipts:
    count = {status: sum(one.status == status for one in receipts) for status in ("accepted", "duplicate", "rejected")}
    return Receipts(**count, items=receipts)


_RECORDS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cloudevents+json": {"schema": {"type": "object"}},
            "application/x-ndjson": {"schema": {"type": "string", "description": "one CloudEvent a line"}},
            BATCH_TYPE: {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}
