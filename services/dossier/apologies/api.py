"""HTTP door to apologies: the list, one dossier's, the letter, and each step of its life."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.dossier.apologies.deciding import NotAllowed, ValueRefused, Wish
from services.dossier.apologies.domain import Apology, Standing, Step
from services.dossier.apologies.letter import FormGone, LetterPress
from services.dossier.apologies.messages import STANDING
from services.dossier.apologies.repository import Wanted
from services.dossier.apologies.usecases import NoLetter, ShowApologies, UnknownDossier, WriteApologies
from services.dossier.applicants.usecases import Names
from services.dossier.doors import NoReceipt
from shared.parties import Forbidden, Tokens

ROLE = "apologist"
"""Who may draft, issue, send and publish."""
REMARK = "Motcua-Remark"
"""Header that says why a letter has a blank although a name is kept."""
MEDIA = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def _one_line(text: object) -> object:
    if not isinstance(text, str):
        return text
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise ValueError("holds control characters (send one line of plain text)")
    return " ".join(unicodedata.normalize("NFC", text).split())


Text = Annotated[str, BeforeValidator(_one_line)]
"""One line, as the journal writes texts: NFC, single spaces."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class About(_Body):
    """Which apology: a dossier, and the promised day when there is more than one."""

    dossier: Text = Field(min_length=1, max_length=200)
    due_on: date | None = None


class Draft(About):
    """What a letter is to say: a code of the rules, the cause without anything of the citizen, a new day."""

    reason_code: str | None = Field(default=None, max_length=100)
    cause: Text | None = Field(default=None, max_length=250)
    new_due_on: date | None = None


class Issue(Draft):
    """The letter's number and signer; what is left out is as it was drafted, and `without_new_date` drops its new day."""

    without_new_date: bool = False
    number: Text = Field(min_length=1, max_length=50)
    signer: Text = Field(min_length=1, max_length=100)


class Sent(About):
    """How the letter reached the applicant."""

    how: Literal["counter", "post", "email", "sms", "other"]


class Published(About):
    """Where it was made public."""

    where: Text = Field(default="", max_length=300)


class Print(About):
    """The applicant's name is printed and stored nowhere; without it one that is kept sealed, else a blank."""

    applicant: Text = Field(default="", max_length=200)


class Forget(_Body):
    """Whose name is no longer to be kept."""

    dossier: Text = Field(min_length=1, max_length=200)


class Listed(BaseModel):
    """A line of the list; `written_by` is the day by which the letter should have been out."""

    dossier: str
    due_at: datetime
    standing: str
    standing_vi: str
    since: datetime
    written_by: date | None
    field: str | None
    agency: str | None
    number: str | None
    new_due_at: datetime | None
    reached: dict[str, datetime]


class Apologies(BaseModel):
    """A page; `next` continues it as `after`, and is missing on the last page."""

    unit: str
    items: list[Listed]
    next: str | None


class ApologyShown(BaseModel):
    """One apology with its actions; the letter's words are those of the form, without a name."""

    unit: str
    dossier: str
    due_at: datetime
    standing: str
    standing_vi: str
    broken: bool
    new_due_at: datetime | None
    reached: dict[str, datetime]
    actions: list[dict[str, Any]]
    said_by_centre: list[dict[str, Any]]


class ApologiesApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(
        self, show: ShowApologies, write: WriteApologies, press: LetterPress, names: Names, tokens: Tokens
    ) -> None:
        self._show, self._write, self._press, self._names, self._tokens = show, write, press, names, tokens

    def router(self) -> APIRouter:
        """List, show, print, the four steps, and forgetting a name."""
        router = APIRouter(prefix="/v1/apologies")
        router.add_api_route("", self.page, methods=["GET"], response_model=Apologies)
        for step in (self.draft, self.issue, self.sent, self.published):
            router.add_api_route(f"/{{unit}}/{step.__name__}", step, methods=["POST"], response_model=ApologyShown)
        router.add_api_route("/{unit}/forget", self.forget, methods=["POST"], status_code=204, response_class=Response)
        router.add_api_route("/{unit}/letter", self.letter, methods=["POST"], response_class=Response)
        router.add_api_route("/{unit}/{code:path}", self.of, methods=["GET"], response_model=list[ApologyShown])
        return router

    async def page(
        self,
        request: Request,
        unit: str,
        state: Standing | None = None,
        field: str | None = None,
        agency: str | None = None,
        after: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Any:
        """A unit's apologies, oldest promise first; by state, field and department."""
        self._tokens.reader(request, unit)
        try:
            begin = _cursor(after)
        except ValueError:
            return JSONResponse({"error": "after: is no `next` of a page (send it back as it came)"}, status_code=400)
        wanted = Wanted(unit=unit, standing=state, field=field, agency=agency, after=begin, limit=limit)
        rows = await self._show.page(wanted)
        items = [
            Listed(
                dossier=one.code,
                standing_vi=STANDING[one.standing],
                written_by=self._show.written_by(unit, one.due_at),
                **{name: getattr(one, name) for name in _COPIED},
            )
            for one in rows
        ]
        last = f"{rows[-1].due_at.isoformat()} {rows[-1].code}" if len(rows) == limit else None
        return Apologies(unit=unit, items=items, next=last)

    async def of(self, request: Request, unit: str, code: str) -> Any:
        """Every apology of a dossier, with who did what when."""
        self._tokens.reader(request, unit)
        return await _for_people(self._all(unit, code))

    async def _all(self, unit: str, code: str) -> list[ApologyShown]:
        return [_shown(one) for one in await self._show.of(unit, code)]

    async def draft(self, request: Request, unit: str, wanted: Draft) -> Any:
        """Keep a draft; another one replaces it until the letter is issued."""
        by = self._writer(request, unit)
        return await _for_people(_one(self._write.draft(unit, wanted.dossier, wanted.due_on, _wish(wanted), by)))

    async def issue(self, request: Request, unit: str, wanted: Issue) -> Any:
        """Issue the letter under its number; the journal is told `apologised`, and `extended` with a new date."""
        by = self._writer(request, unit)
        wish = replace(
            _wish(wanted), number=wanted.number, signer=wanted.signer, without_new_date=wanted.without_new_date
        )
        return await _for_people(_one(self._write.issue(unit, wanted.dossier, wanted.due_on, wish, by)))

    async def sent(self, request: Request, unit: str, wanted: Sent) -> Any:
        """The letter was handed over or sent."""
        by = self._writer(request, unit)
        return await _for_people(_one(self._write.mark(unit, wanted.dossier, wanted.due_on, Step.SENT, wanted.how, by)))

    async def published(self, request: Request, unit: str, wanted: Published) -> Any:
        """The apology was made public."""
        by = self._writer(request, unit)
        done = self._write.mark(unit, wanted.dossier, wanted.due_on, Step.PUBLISHED, wanted.where, by)
        return await _for_people(_one(done))

    async def letter(
        self,
        request: Request,
        unit: str,
        wanted: Print,
        kind: Annotated[Literal["pdf", "docx"], Query(alias="as")] = "pdf",
    ) -> Response:
        """The letter, issued or drafted. POST, so that a name stands in no address and no log.

        A name that is kept sealed is printed for whoever may write apologies; where it cannot be, `Motcua-Remark` says why.
        """
        party = self._tokens.reader(request, unit)
        try:
            action = await self._show.letter(unit, wanted.dossier, wanted.due_on)
        except (LookupError, NotAllowed) as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        # typst takes some tenths of a second: not in the loop that also journals
        write = self._press.pdf if kind == "pdf" else self._press.docx
        applicant, remark = wanted.applicant, ""
        if not applicant and ROLE in party.roles:
            kept, remark = await self._names.of(unit, wanted.dossier)
            applicant = self._press.addressed(action, kept)
        try:
            content = await run_in_threadpool(write, unit, wanted.dossier, action, applicant)
        except FormGone as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        file = f"apology_{unit}_{action.at:%Y%m%d}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'} | ({REMARK: remark} if remark else {})
        return Response(content, media_type=MEDIA[kind], headers=headers)

    async def forget(self, request: Request, unit: str, wanted: Forget) -> Response:
        """Forget the applicant's name for good, should it be kept; no later packet brings it back."""
        self._writer(request, unit)
        if not await self._names.forget(unit, wanted.dossier):
            return JSONResponse({"error": str(UnknownDossier(unit, wanted.dossier))}, status_code=404)
        return Response(status_code=204)

    def _writer(self, request: Request, unit: str) -> str:
        party = self._tokens.reader(request, unit)
        if ROLE not in party.roles:
            raise Forbidden(f"{party.name} may not write apologies; it takes a token with the role {ROLE}")
        return party.name


_COPIED = ("due_at", "standing", "since", "field", "agency", "number", "new_due_at", "reached")


def _cursor(after: str) -> tuple[datetime, str] | None:
    if not after:
        return None
    due_at, _, code = after.partition(" ")
    instant = datetime.fromisoformat(due_at)
    if instant.tzinfo is None or not code:
        raise ValueError(after)
    return instant, code


def _wish(wanted: Draft) -> Wish:
    return Wish(reason_code=wanted.reason_code, cause=wanted.cause, new_due_on=wanted.new_due_on)


async def _one(answer: Awaitable[Apology]) -> ApologyShown:
    return _shown(await answer)


def _shown(one: Apology) -> ApologyShown:
    return ApologyShown(
        unit=one.unit,
        dossier=one.dossier,
        due_at=one.due_at,
        standing=one.standing,
        standing_vi=STANDING[one.standing],
        broken=one.broken,
        new_due_at=one.new_due_at,
        reached={step.value: at for step, at in one.reached().items()},
        actions=[msgspec.to_builtins(action) for action in one.actions],
        said_by_centre=[msgspec.to_builtins(word) for word in one.words],
    )


async def _for_people(answer: Awaitable[Any]) -> Any:
    """Await an answer; say what a person can do when it is refused."""
    try:
        return await answer
    except (UnknownDossier, NoLetter) as error:
        return JSONResponse({"error": str(error)}, status_code=404)
    except ValueRefused as error:
        return JSONResponse({"error": str(error)}, status_code=400)
    except NotAllowed as error:
        return JSONResponse({"error": str(error)}, status_code=409)
    except NoReceipt as error:
        reason = f"{error}; the letter is issued and will be told by itself, asking again does no harm"
        return JSONResponse({"error": reason}, status_code=503, headers={"Retry-After": "5"})
