"""The built-in board's door: pages without any script, entered with a token that a cookie then carries."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.reporting.board.page import Page
from services.reporting.board.usecases import Choice, NothingToShow, ShowBoards
from shared.boards import Board
from shared.http import MAX_NUMBER
from shared.parties import Forbidden, Party, Tokens

COOKIE = "motcua_board"
HOURS = 12
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""No script at all, no style but our own file, nothing from elsewhere."""
MOST_FORM = 2000
Units = Annotated[list[str] | None, Query(max_length=200)]
Period = Annotated[str | None, Query(max_length=20)]


class BoardApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowBoards, page: Page, tokens: Tokens) -> None:
        self._show, self._page, self._tokens = show, page, tokens

    def router(self) -> APIRouter:
        """Pages for people; they are no part of the API's contract."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.first, methods=["GET"])
        router.add_api_route("/board/board.css", self.css, methods=["GET"])
        router.add_api_route("/board/enter", self.door, methods=["GET"])
        router.add_api_route("/board/enter", self.enter, methods=["POST"])
        router.add_api_route("/board/logout", self.leave, methods=["POST"])
        router.add_api_route("/board/{board}", self.board, methods=["GET"])
        router.add_api_route("/board/{board}/{panel}", self.listed, methods=["GET"])
        return router

    async def first(self, request: Request, unit: Units = None, period: Period = None) -> Response:
        """The first board."""
        return await self.board(request, self._show.catalogue.boards[0].id, unit, period)

    async def css(self) -> Response:
        """The style of every page."""
        return Response(self._page.css, media_type="text/css", headers={"Cache-Control": "max-age=300"})

    async def door(self) -> Response:
        """Ask for a token."""
        return _page(self._page.enter())

    async def enter(self, request: Request) -> Response:
        """Take a token and keep it in a cookie that no script reads and no other site sends."""
        body = await request.body()
        fields = parse_qs(body.decode("utf-8", "replace")) if len(body) <= MOST_FORM else {}
        token = fields.get("token", [""])[0].strip()
        try:
            self._tokens.party_of(token)
        except Forbidden:
            return _page(self._page.enter("Mã truy cập không đúng hoặc đã bị thu hồi."), 401)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(
            COOKIE, token, max_age=HOURS * 3600, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return answer

    async def leave(self) -> Response:
        """Forget the token."""
        answer = RedirectResponse("/board/enter", status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def board(self, request: Request, board: str, unit: Units = None, period: Period = None) -> Response:
        """A board for units (by default all that the reader may see) and a report period (by default this quarter)."""
        found = self._show.catalogue.board(board)
        if found is None:
            return _page(self._page.enter("Không có bảng này."), 404)
        chosen = await self._choose(request, unit, period)
        if isinstance(chosen, Response):
            return chosen
        return _page(self._page.board(found, chosen, await self._show.figures(found, chosen.asked)))

    async def listed(
        self,
        request: Request,
        board: str,
        panel: str,
        unit: Units = None,
        period: Period = None,
        key: Annotated[str | None, Query(max_length=200)] = None,
        page: Annotated[int, Query(ge=1, le=MAX_NUMBER // 1000)] = 1,
    ) -> Response:
        """The dossiers behind a panel, or behind one of its bars or rows."""
        of: Board | None = self._show.catalogue.board(board)
        one = of.panel(panel) if of else None
        if of is None or one is None or one.listed is None:
            return _page(self._page.enter("Không có danh sách này."), 404)
        chosen = await self._choose(request, unit, period)
        if isinstance(chosen, Response):
            return chosen
        key = key if one.listed.by else None
        total, rows = await self._show.behind(one, chosen.asked, key, page)
        return _page(self._page.listed(of, one, chosen, key, page, total, rows))

    async def _choose(self, request: Request, unit: list[str] | None, period: str | None) -> Choice | Response:
        try:
            party = self._party(request)
            return await self._show.choose(party, [one for one in unit or () if one != "all"], period)
        except Forbidden as error:
            if error.status == 401:
                return RedirectResponse("/board/enter", status_code=303)
            return _page(self._page.enter("Mã truy cập này không được xem đơn vị đó."), 403)
        except NothingToShow:
            return _page(self._page.enter("Chưa có số liệu của kỳ hoặc đơn vị này."), 404)

    def _party(self, request: Request) -> Party:
        if "authorization" in request.headers:
            return self._tokens.party(request)
        return self._tokens.party_of(request.cookies.get(COOKIE, ""))


def _page(html: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(html, status_code=status, headers={"Content-Security-Policy": POLICY})
