"""Boards against a running system: every panel answers, a figure is the report's, a list is as long as its figure."""

from __future__ import annotations

import re
from typing import Any

import asyncpg
import httpx
import pytest

from services.board_views import SERVICE_VIEWS
from services.reporting.board.usecases import ShowBoards
from shared.boards import Board, Kind, Panel, load_catalogue
from shared.parties import Party
from shared.settings import RULES
from tests.inside import Inside

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]
CATALOGUE = load_catalogue(RULES)
EVERYBODY = Party(name="leader", units=frozenset("*"))
SQL = [(board, panel) for board in CATALOGUE.boards for panel in board.panels if panel.query is not None]


async def rows_of(show: ShowBoards, board: str, panel: str, *units: str) -> list[dict[str, Any]]:
    found = CATALOGUE.board(board)
    assert found is not None
    chosen = await show.choose(EVERYBODY, units, "2025-Q4")
    return (await show.figures(found, chosen.asked))[panel]


@pytest.mark.parametrize(
    ("board", "panel", "expected"),
    [
        ("lanh-dao", "ty-le-dung-han", {"value": "66.6", "hit": 2, "base": 3}),
        ("lanh-dao", "qua-han-hom-nay", {"value": 2}),
        ("lanh-dao", "hai-long", {"value": "66.6", "hit": 2, "base": 3}),
        ("lanh-dao", "truc-tuyen", {"value": "57.1", "hit": 4, "base": 7}),
        ("lanh-dao", "thanh-toan", {"value": "50.0", "hit": 1, "base": 2}),
        ("lanh-dao", "dang-giai-quyet", {"value": 4}),
        ("trung-tam", "tiep-nhan-hom-nay", {"value": 1}),
        ("trung-tam", "giai-quyet-hom-nay", {"value": 0}),
        ("trung-tam", "den-han-hom-nay", {"value": 1}),
        ("trung-tam", "cho-bo-sung", {"value": 1}),
        ("trung-tam", "cho-phi", {"value": 0}),
        ("thanh-tra", "qua-han-chua-xin-loi", {"value": 3}),
        ("bao-cao-quy", "tong-tiep-nhan", {"value": 7}),
        ("bao-cao-quy", "tong-giai-quyet", {"value": 3}),
        ("bao-cao-quy", "tong-qua-han", {"value": 1}),
    ],
)
async def test_a_figure_is_what_was_counted_by_hand(
    show: ShowBoards, board: str, panel: str, expected: dict[str, Any]
) -> None:
    (row,) = await rows_of(show, board, panel, "10966")
    assert {name: str(row[name]) for name in expected} == {name: str(value) for name, value in expected.items()}


async def test_how_long_and_where_the_late_ones_are(show: ShowBoards) -> None:
    ages = await rows_of(show, "lanh-dao", "qua-han-theo-tuoi", "10966")
    assert {row["label"]: row["Hồ sơ"] for row in ages if row["Hồ sơ"]} == {"1–3 ngày": 1, "8–15 ngày": 1}
    fields = await rows_of(show, "lanh-dao", "qua-han-theo-linh-vuc", "10966")
    assert [(row["label"], row["Hồ sơ"]) for row in fields] == [("Chứng thực", 1), ("Đất đai", 1)]
    rooms = await rows_of(show, "lanh-dao", "qua-han-theo-phong", "10966")
    assert {row["label"]: row["Hồ sơ"] for row in rooms} == {"Phòng Kinh tế": 1, "Trung tâm PVHCC": 1}


async def test_the_quarter_so_far_is_the_report_of_the_same_days(running: Inside, show: ShowBoards) -> None:
    report = await running.figures("2025-09-15", "2025-11-20")
    rows = await rows_of(show, "bao-cao-quy", "bieu-ii-06a", "10966")
    columns = {re.findall(r"\((\d+)\)", name)[0]: name for name in rows[0] if "(" in name}
    assert len(columns) == 11
    assert {row["Lĩnh vực"]: {f"c{n}": int(row[name]) for n, name in columns.items()} for row in rows} == {
        row["field"]: {f"c{n}": row[f"c{n}"] for n in range(3, 14)} for row in report["rows"]
    }
    sides = {row["Chỉ số"]: row["Kỳ này"] for row in await rows_of(show, "lanh-dao", "ky-nay-den-nay", "10966")}
    assert [int(n) for n in list(sides.values())[:6]] == [7, 3, 1, 1, 1, 2]
    weeks = await rows_of(show, "lanh-dao", "nhan-va-tra-theo-tuan", "10966")
    assert (sum(row["Tiếp nhận"] for row in weeks), sum(row["Giải quyết"] for row in weeks)) == (7, 3)


async def test_a_forecast_stands_beside_the_quarter_so_far(running: Inside, show: ShowBoards) -> None:
    named = ("Chưa xong", "Đến nay (%)", "Dự báo (%)", "Khoảng (8/10 lần)")

    async def shown() -> dict[str, list[str]]:
        rows = await rows_of(show, "lanh-dao", "du-bao-cuoi-quy")
        return {row["key"]: [str(row[name]) for name in named] for row in rows}

    silent = "chưa đủ 30 hồ sơ đã giải quyết"
    before = await shown()
    assert before["10966"] == ["4", "66.6", "None", silent]
    assert before["10510"] == ["0", "100.0", "None", silent]
    async with running.database("reporting") as database:
        await database.execute(
            "UPDATE forecast SET expected = 0.7049, low = 0.612, high = 0.8, must_finish = 3, computed_at = '2099-01-01'"
            " WHERE unit = '10966'"
        )
        try:
            assert (await shown())["10966"] == ["4", "66.6", "70.4", "từ 61,2 đến 80,0"]
        finally:
            await database.execute("UPDATE forecast SET computed_at = '2025-01-01'")


async def test_all_units_together_and_side_by_side(show: ShowBoards) -> None:
    (both,) = await rows_of(show, "lanh-dao", "ty-le-dung-han")
    assert (both["hit"], both["base"]) == (3, 4)
    sides = await rows_of(show, "lanh-dao", "cac-don-vi")
    assert {row["key"]: (row["Đã giải quyết"], row["Quá hạn hôm nay"]) for row in sides} == {
        "10510": (1, 0),
        "10966": (3, 2),
    }
    line = (await rows_of(show, "lanh-dao", "dung-han-theo-tuan"))[0]
    assert line["Chỉ tiêu"] is None, "a plan of one unit asks nothing of two"


@pytest.mark.parametrize(("board", "panel"), SQL, ids=lambda one: getattr(one, "id", ""))
async def test_a_list_is_as_long_as_its_figure(show: ShowBoards, board: Board, panel: Panel) -> None:
    rows = await rows_of(show, board.id, panel.id)
    if panel.listed is None:
        return
    chosen = await show.choose(EVERYBODY, (), "2025-Q4")
    total, listed = await show.behind(panel, chosen.asked, None, 1)
    assert total == len(listed)
    if panel.kind in (Kind.STAT, Kind.GAUGE):
        assert total == (rows[0]["base"] - rows[0]["hit"] if "base" in rows[0] else rows[0]["value"])
    if panel.listed.by is not None:
        name = next(
            name for name, value in rows[0].items() if name not in ("key", "label") and not isinstance(value, str)
        )
        for row in rows:
            wanted = row["base"] - row["hit"] if "base" in row else row[name]
            if panel.id != "cac-don-vi":
                assert (await show.behind(panel, chosen.asked, str(row["key"]), 1))[0] == wanted, row


async def test_the_role_reads_the_views_and_nothing_else(running: Inside) -> None:
    connection = await asyncpg.connect(str(running.system.environment.settings.board_database_url))
    try:
        for view in SERVICE_VIEWS:
            await connection.fetch(f"SELECT * FROM {view} LIMIT 1")
        for schema in ("reporting", "dossier", "inspection", "notification"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {schema}.outbox")
        await connection.execute("SET default_transaction_read_only = off")
        for deed in (
            "DELETE FROM span",
            "INSERT INTO rollup VALUES ('1', '', '', '2025-01-01', '2025-01-01', 1)",
            "CREATE TABLE board.mine ()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(deed)
    finally:
        await connection.close()


async def test_views_hold_no_datum_of_a_citizen(running: Inside) -> None:
    connection = await asyncpg.connect(str(running.system.environment.settings.board_database_url))
    try:
        names = await connection.fetch(
            "SELECT DISTINCT column_name FROM information_schema.columns WHERE table_schema = 'board'"
        )
    finally:
        await connection.close()
    assert not {row["column_name"] for row in names} & {
        "name_of_applicant",
        "applicant",
        "address",
        "phone",
        "identity",
        "snapshot",
        "facts",
        "body",
        "correlation",
    }


async def test_a_reader_enters_with_a_token_and_sees_his_units_only(running: Inside) -> None:
    async with httpx.AsyncClient(base_url=running.system.url, timeout=60) as browser:
        assert (await browser.get("/")).headers["location"] == "/board/enter"
        wrong = await browser.post("/board/enter", data={"token": "guessed"})
        assert wrong.status_code == 401 and "không đúng" in wrong.text and "set-cookie" not in wrong.headers
        entered = await browser.post("/board/enter", data={"token": running.system.token})
        cookie = entered.headers["set-cookie"].lower()
        assert entered.status_code == 303 and "httponly" in cookie and "samesite=strict" in cookie
        page = await browser.get("/", params={"unit": "10966"})
        assert (
            page.status_code == 200 and "66,6 %" in page.text and "Chỉ tiêu BG-T2 (21/KH-UBND): từ 100 %" in page.text
        )
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert "<script" not in page.text and "style=" not in page.text
        behind = await browser.get("/board/lanh-dao/qua-han-hom-nay", params={"unit": "10966"})
        assert '<b id="total">2</b>' in behind.text and "H24.103-251105-0004" in behind.text
        # the cookie opens pages only: another site that sent it along could do nothing
        assert (
            await browser.get("/v1/reports/figures", params={"unit": "10966", "period": "2025-Q4"})
        ).status_code == 401
        assert (await browser.get("/", params={"unit": "10966", "period": "1999-Q1"})).status_code == 404
        await browser.post("/board/logout")
        assert (await browser.get("/")).status_code == 303


async def test_a_token_of_one_unit_never_shows_another(running: Inside, show: ShowBoards) -> None:
    from shared.http import Forbidden

    clerk = Party(name="clerk", units=frozenset({"10510"}))
    assert [code for code, _ in (await show.choose(clerk, (), None)).units] == ["10510"]
    with pytest.raises(Forbidden, match="may not read unit 10966"):
        await show.choose(clerk, ("10966",), None)
