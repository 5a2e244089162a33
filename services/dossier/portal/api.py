"""`POST /dvcqg/v1` and `/dvcqg/v2`: existing software is pointed here by changing an address (domain.md §4)."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from services.dossier.doors import NoReceipt
from services.dossier.messages import FINDING
from services.dossier.portal.messages import ITEM_MESSAGE, MESSAGE, ErrorCode
from services.dossier.portal.packets import MAX_ITEMS, SERVICES, objects
from services.dossier.portal.usecases import ItemVerdict, TakePacket
from shared.events.envelope import decode_bounded
from shared.parties import Party, Tokens


class _Refusal(Exception):
    """A whole packet that is not taken: the portal's code, and what to do."""

    def __init__(self, code: ErrorCode, advice: str, *, status: int) -> None:
        super().__init__(advice)
        self.code, self.advice, self.status = code, advice, status


class PortalApi:
    """Reads the envelope, finds the unit, answers in the portal's own shape."""

    def __init__(self, take: TakePacket, tokens: Tokens) -> None:
        self._take, self._tokens = take, tokens

    def router(self) -> APIRouter:
        """The first generation, and the three addresses of the second; items are told by what they hold."""
        router = APIRouter(prefix="/dvcqg")
        router.add_api_route("/v1", self.v1, methods=["POST"], openapi_extra=_body("object", _ENVELOPE))
        for path in ("/v2", "/v2/add", "/v2/update", "/v2/progress"):
            router.add_api_route(path, self.v2, methods=["POST"], openapi_extra=_body("array", _ARRAY))
        return router

    async def v1(self, request: Request, unit: str | None = None) -> Response:
        """An envelope `{session, madonvi, service, isUpdating, data}`; the token may stand in `session`."""
        try:
            # a bearer token is asked for before the body is read; without one the body must be read for its session
            party = self._tokens.party(request) if "authorization" in request.headers else None
            packet = await _read(request)
            if not isinstance(packet, dict):
                raise _unreadable("gửi một đối tượng {session, madonvi, service, data}")
            party = party or self._tokens.party_of(str(packet.get("session") or ""))
            if packet.get("service") not in SERVICES:
                advice = f"service là một trong: {', '.join(SERVICES)}"
                raise _Refusal(ErrorCode.UNKNOWN_SERVICE, advice, status=200)
            items = _items(packet.get("data"))
            return await self._answer(items, party, unit, str(packet.get("madonvi") or ""), 1)
        except _Refusal as refusal:
            return _refused(refusal)

    async def v2(self, request: Request, unit: str | None = None) -> Response:
        """A bare array of dossiers or of lines of progress."""
        try:
            party = self._tokens.party(request)
            items = _items(await _read(request))
            agency = next((str(one.get("MaHoSo")).partition("-")[0] for one in items if one.get("MaHoSo")), "")
            return await self._answer(items, party, unit, agency, 2)
        except _Refusal as refusal:
            return _refused(refusal)

    async def _answer(
        self, items: list[dict[str, Any]], party: Party, unit: str | None, agency: str, generation: int
    ) -> Response:
        spoken_for = self._unit(party, unit, agency)
        try:
            verdicts = await self._take(items, spoken_for, generation)
        except NoReceipt as error:
            raise _Refusal(ErrorCode.TRY_AGAIN, "gửi lại sau ít giây; gửi trùng không sao", status=503) from error
        some = any(one.status == "rejected" for one in verdicts)
        code = ErrorCode.SOME_REFUSED if some else ErrorCode.TAKEN
        return JSONResponse(
            {"error_code": code, "message": MESSAGE[code], "result": [_verdict(one) for one in verdicts]}
        )

    def _unit(self, party: Party, unit: str | None, agency: str) -> str:
        own = sorted(party.units - {"*"})
        chosen = unit or (own[0] if len(own) == 1 else self._take.unit_of(agency))
        if chosen is None:
            raise _unreadable(
                "token này dùng cho nhiều đơn vị: thêm ?unit=<mã 5 số>, hoặc khai madonvi trong portal.yaml"
            )
        if not self._take.knows(chosen):  # it becomes a label and an origin: never what somebody typed
            raise _unreadable("không có đơn vị mang mã này: dùng mã 5 số của xã, phường từ 01/07/2025")
        if not party.may_speak_for(chosen):
            raise _Refusal(ErrorCode.NOT_ALLOWED, f"token của {party.name} không dùng cho đơn vị {chosen}", status=403)
        return chosen


def _unreadable(advice: str, *, status: int = 400) -> _Refusal:
    return _Refusal(ErrorCode.UNREADABLE, advice, status=status)


async def _read(request: Request) -> Any:
    try:
        return decode_bounded(msgspec.json.decode, await request.body())
    except ValueError as error:  # the reason is not repeated: it may quote what the packet says of people
        raise _unreadable("gửi JSON đúng chuẩn, mã hóa UTF-8") from error


def _items(data: Any) -> list[dict[str, Any]]:
    if not isinstance(data, list):
        raise _unreadable("data phải là một mảng")
    if len(data) > MAX_ITEMS:
        raise _unreadable(f"mỗi gói nhiều nhất {MAX_ITEMS} mục", status=413)
    return objects(data)


def _verdict(verdict: ItemVerdict) -> dict[str, Any]:
    told: dict[str, Any] = {
        "MaHoSo": verdict.code,
        "error_code": "1" if verdict.refused or verdict.status == "rejected" else "0",
        "message": ITEM_MESSAGE[verdict.status],
        "status": verdict.status,
    }
    if verdict.refused is not None:
        told |= {"field": verdict.refused.field, "reason": verdict.refused.reason, "advice": verdict.refused.advice}
    if verdict.findings:
        told["findings"] = [{"code": one, "text": FINDING[one]} for one in verdict.findings]
    return told


def _refused(refusal: _Refusal) -> JSONResponse:
    message = f"{MESSAGE[refusal.code]}: {refusal.advice}"
    return JSONResponse({"error_code": refusal.code, "message": message, "result": []}, status_code=refusal.status)


_ENVELOPE: dict[str, Any] = {
    "properties": {
        "session": {"type": "string"},
        "madonvi": {"type": "string"},
        "service": {"enum": list(SERVICES)},
        "data": {"type": "array", "items": {"type": "object"}},
    }
}
_ARRAY: dict[str, Any] = {"items": {"type": "object"}}


def _body(kind: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": kind, **more}}}}}
