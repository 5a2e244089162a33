"""Sheets on their whole way: over HTTP, by command, as a dry run; every row answered, nobody's name kept."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import xlsxwriter

from shared.parties import Party
from tests.e2e.running import Running
from tests.e2e.test_command_line import motcua
from tests.inside import Inside, inside, new_folder, record

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

UNIT = "10966"
CITIZEN = "Nguyễn Thị Bí Mật"
HEADINGS = (
    "Mã hồ sơ",
    "Họ và tên",
    "Ngày tiếp nhận",
    "Ngày hẹn trả",
    "Ngày kết thúc",
    "Hình thức tiếp nhận",
    "Kết quả",
)
GOOD = [
    ["XL-1", CITIZEN, "03/11/2025 08:30", "06/11/2025", "05/11/2025", "Trực tuyến", "Đã giải quyết"],
    ["XL-2", CITIZEN, "04/11/2025 09:00", "10/11/2025", "", "Trực tiếp", ""],
]
IMPOSSIBLE = ["XL-3", CITIZEN, "31/02/2025 09:00", "10/11/2025", "", "Trực tiếp", ""]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data, now="2025-11-20") as one:
            yield one


def workbook(*rows: list[str]) -> bytes:
    """A register with a title over all columns and headings of two rows, as centres export it."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet("Sổ theo dõi")
        sheet.merge_range(0, 0, 0, 6, "SỔ THEO DÕI HỒ SƠ")
        sheet.merge_range(1, 0, 2, 0, HEADINGS[0])
        sheet.merge_range(1, 1, 2, 1, HEADINGS[1])
        sheet.merge_range(1, 2, 1, 4, "Ngày, tháng, năm")
        sheet.write_row(2, 2, HEADINGS[2:5])
        sheet.merge_range(1, 5, 2, 5, HEADINGS[5])
        sheet.merge_range(1, 6, 2, 6, HEADINGS[6])
        for number, row in enumerate(rows, start=3):
            sheet.write_row(number, 0, row)
    return out.getvalue()


def csv(*rows: list[str], delimiter: str = ";") -> str:
    return "\n".join(delimiter.join(row) for row in (list(HEADINGS), *rows)) + "\n"


async def post(running: Inside, content: bytes, **options: str) -> httpx.Response:
    return await running.http.post("/v1/sheets", content=content, params={"unit": UNIT, **options})


async def known(running: Inside, code: str) -> bool:
    return "received" in await running.said(code)


def token_of_thanh_dong(running: Inside) -> str:
    parties = running.system.environment.tokens.parties
    assert isinstance(parties, dict)
    parties[hashlib.sha256(b"of-thanh-dong").hexdigest()] = Party(name="thanh-dong", units=frozenset({"10510"}))
    return "of-thanh-dong"


async def test_a_form_with_a_workbook_is_answered_row_by_row_and_twice_is_once(running: Inside) -> None:
    dead = await running.last("DEAD")
    file = {"file": ("so tháng 11.xlsx", workbook(GOOD[0], IMPOSSIBLE, GOOD[1]))}
    answer = await running.http.post("/v1/sheets", files=file, data={"unit": UNIT})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["file"], said["accepted"], said["duplicate"], said["rejected"]) == ("so tháng 11.xlsx", 2, 0, 1)
    assert [(one["line"], one["code"], one["status"]) for one in said["items"]] == [
        (4, "XL-1", "accepted"), (5, "XL-3", "rejected"), (6, "XL-2", "accepted"),
    ]  # fmt: skip
    assert said["items"][1]["field"] == "received_at"
    assert said["statements"] == {"accepted": 3}
    await running.settled()
    assert await known(running, "XL-1") and await known(running, "XL-2") and not await known(running, "XL-3")
    (letter,) = await running.letters("dossier", dead)
    assert letter["field"] == "received_at" and ":5" in letter["origin"]
    assert CITIZEN not in json.dumps(letter, ensure_ascii=False)

    again = (await running.http.post("/v1/sheets", files=file, data={"unit": UNIT})).json()
    assert (again["accepted"], again["duplicate"], again["rejected"]) == (0, 2, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1258"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
async def test_the_file_alone_may_be_the_body(running: Inside, encoding: str, delimiter: str) -> None:
    code = f"CSV-{encoding}-{ord(delimiter)}"
    text = csv([code, CITIZEN, "03/11/2025 08:30", "06/11/2025", "", "Trực tiếp", ""], delimiter=delimiter)
    if encoding == "cp1258":  # the code page writes tone marks after their letters
        text = text.replace("Mã hồ sơ", "Ma\u0303 hô\u0300 sơ").replace("Ngày", "Ngày").replace("tiếp", "tiê\u0301p")
        text = text.replace("nhận", "nhâ\u0323n").replace("hẹn", "he\u0323n").replace("trả", "tra\u0309")
        text = text.replace("kết thúc", "kê\u0301t thúc").replace("Họ và tên", "Ho\u0323 và tên")
        text = text.replace("Hình thức", "Hi\u0300nh thư\u0301c").replace("Trực", "Trư\u0323c")
        text = text.replace("Kết quả", "Kê\u0301t qua\u0309").replace(CITIZEN, "Tran Van A")
    answer = await post(running, text.encode(encoding))
    assert answer.status_code == 200, answer.text
    assert [(one["code"], one["status"]) for one in answer.json()["items"]] == [(code, "accepted")]


async def test_a_dry_run_says_the_same_and_changes_nothing(running: Inside) -> None:
    before = [await running.last(stream) for stream in ("ONESTOP", "DOSSIER", "DEAD")]
    heard = (await running.http.get("/v1/sources")).json()["sources"]
    sheet = csv(["DRY-1", CITIZEN, "19/11/2025", "06/11/2025", "", "Trực tiếp", ""], [*IMPOSSIBLE])
    said = (await post(running, sheet.encode(), dry_run="true")).json()
    assert (said["dry_run"], said["accepted"], said["rejected"]) == (True, 1, 1)
    assert [(one["field"], one["rows"], one["lines"]) for one in said["reasons"]] == [("received_at", 1, [3])]
    await running.settled()
    assert not await known(running, "DRY-1")
    assert [await running.last(stream) for stream in ("ONESTOP", "DOSSIER", "DEAD")] == before
    assert (await running.http.get("/v1/sources")).json()["sources"] == heard


async def test_rejected_rows_are_listed_first_and_what_is_left_out_is_counted(running: Inside) -> None:
    rows = [[f"MANY-{n}", CITIZEN, "03/11/2025", "", "", "Trực tiếp", ""] for n in range(5)]
    said = (await post(running, csv(*rows, [*IMPOSSIBLE]).encode(), limit="2", dry_run="true")).json()
    assert [(one["line"], one["status"]) for one in said["items"]] == [(2, "accepted"), (7, "rejected")]
    assert said["left_out"] == {"accepted": 4}


async def test_a_mapping_explains_a_sheet_and_its_mistakes_are_named(running: Inside) -> None:
    sheet = "Số phiếu;Ngày vào sổ\nMAP-1;03.11.25\n".encode()
    unknown = await post(running, sheet)
    assert unknown.status_code == 400
    assert "misses the required columns code, received_at" in unknown.json()["error"]

    mapping = "headings:\n  Số phiếu: code\n  Ngày vào sổ: received_at\ndates: ['%d.%m.%y']\n"
    good = await running.http.post("/v1/sheets", files={"file": sheet, "mapping": mapping}, data={"unit": UNIT})
    assert (good.status_code, good.json()["accepted"]) == (200, 1)
    stored = await post(running, sheet, mapping="example")
    assert (stored.status_code, stored.json()["accepted"]) == (200, 1), "it also says which department"

    wrong = mapping.replace("code", "kode")
    bad = await running.http.post("/v1/sheets", files={"file": sheet, "mapping": wrong}, data={"unit": UNIT})
    assert bad.status_code == 422
    assert bad.json()["error"].startswith("mapping:2: headings.Số phiếu: 'kode' is no column")
    assert (await post(running, sheet, mapping="../units")).status_code == 422


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", 400, "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), 400, "neither text nor an XLSX"),
        (b"PK\x03\x04junk", 400, "broken XLSX"),
        (b'{"specversion": "1.0"}\n', 400, "POST /v1/records"),
        (b'{"madonvi": "x", "data": []}', 400, "POST /dvcqg/v1"),
    ],
    ids=["empty", "picture", "broken", "records", "packet"],
)
async def test_what_is_no_sheet_is_refused_with_advice(running: Inside, content: bytes, status: int, said: str) -> None:
    answer = await post(running, content)
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"unit": "99999"}, "unit: unknown unit '99999'"),
        ({"as_of": "2025-11-03"}, "as_of"),
        ({"limit": "-1"}, "limit"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_option_is_named(running: Inside, options: dict[str, str], said: str) -> None:
    answer = await running.http.post("/v1/sheets", content=csv().encode(), params=options)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(said)


async def test_a_token_of_one_unit_hands_in_for_no_other(running: Inside) -> None:
    headers = {"Authorization": f"Bearer {token_of_thanh_dong(running)}"}
    forbidden = await running.http.post(
        "/v1/sheets", content=csv(GOOD[0]).encode(), params={"unit": UNIT}, headers=headers
    )
    assert forbidden.status_code == 403
    sheet = b"code,unit,received_at\nTOK-1,10966,2025-11-03\nTOK-2,10510,2025-11-03\n"
    answer = await running.http.post("/v1/sheets", content=sheet, headers=headers)
    assert [(one["code"], one["status"]) for one in answer.json()["items"]] == [
        ("TOK-1", "rejected"), ("TOK-2", "accepted"),
    ]  # fmt: skip
    await running.settled()
    assert not await known(running, "TOK-1")
    nobody = await running.http.post("/v1/sheets", content=sheet, headers={"Authorization": "Bearer nobody"})
    assert nobody.status_code == 401


async def test_json_lines_are_records_and_a_bad_line_hurts_no_other(running: Inside) -> None:
    good, other = record("received", "NDJ-1", "2025-11-03"), record("received", "NDJ-2", "2025-11-03")
    body = "\n".join([json.dumps(good), '{"broken', "", json.dumps(other)])
    answer = await running.http.post(
        "/v1/records", content=body, headers={"Content-Type": "application/x-ndjson; charset=utf-8"}
    )
    assert answer.status_code == 200, answer.text
    assert [one["status"] for one in answer.json()["items"]] == ["accepted", "rejected", "accepted"]
    unnamed = await running.http.post("/v1/records", content=f"{json.dumps(good)}\n{json.dumps(other)}")
    assert unnamed.status_code == 400
    assert "application/x-ndjson" in unnamed.json()["error"]


async def refused_of(running: Inside, source: str) -> dict[str, int]:
    params = {"source": source, "from": "2025-11-20", "to": "2025-11-20"}
    answer = await running.http.get("/v1/sources/scorecard", params=params)
    assert answer.status_code == 200, answer.text
    return {field: count for one in answer.json()["days"] for field, count in one["rejected_fields"].items()}


async def test_refused_rows_are_on_the_card_of_their_sheets(running: Inside, tmp_path: Path) -> None:
    unit, source = "00004", "/sheet/00004"
    good = [["CARD-1", *GOOD[0][1:]], ["CARD-2", *GOOD[1][1:]]]
    no_outcome = ["CARD-4", CITIZEN, "03/11/2025", "06/11/2025", "05/11/2025", "Trực tiếp", ""]
    nothing_good = csv(IMPOSSIBLE, no_outcome).encode()
    assert (await post(running, nothing_good, unit=unit)).json()["rejected"] == 2
    assert (await post(running, csv(*good, IMPOSSIBLE).encode(), unit=unit)).json()["rejected"] == 1
    await running.settled()
    assert await refused_of(running, source) == {"received_at": 2, "outcome": 1}
    assert (await post(running, nothing_good, unit=unit, dry_run="true")).json()["rejected"] == 2
    assert await refused_of(running, source) == {"received_at": 2, "outcome": 1}
    stranger = {"Authorization": f"Bearer {token_of_thanh_dong(running)}"}
    answer = await running.http.post(
        "/v1/sheets", content=csv(good[0]).encode(), params={"unit": "10510"}, headers=stranger
    )
    assert answer.json()["accepted"] == 1
    forged = "Mã hồ sơ;Mã đơn vị;Ngày tiếp nhận\nFORGED;00004;31/02/2025\n".encode()
    assert (await running.http.post("/v1/sheets", content=forged, headers=stranger)).json()["rejected"] == 1
    assert await refused_of(running, source) == {"received_at": 2, "outcome": 1}, "a stranger spoils nobody's card"

    # the command reads files itself: what it refused is told with what it sent
    (tmp_path / "so.csv").write_text(csv(*good, IMPOSSIBLE, no_outcome), "utf-8")
    lines = [
        json.dumps(record("received", "CARD-5", "2025-11-03")),
        json.dumps(record("received", "CARD-6", "2025-11-03") | {"time": "yesterday"}),
    ]
    (tmp_path / "records.jsonl").write_text("\n".join(lines), "utf-8")
    for name in ("so.csv", "records.jsonl"):
        done = await asyncio.to_thread(motcua, "import", tmp_path / name, "--unit", unit, "--data", running.data)
        assert done.returncode == 3, done
    assert await refused_of(running, source) == {"received_at": 3, "outcome": 2}
    assert await refused_of(running, "/onestop/31/test") == {"time": 1}


class TestCommands:
    """`motcua import` as people type it."""

    @pytest.fixture(scope="class")
    def sheets(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("sheets")
        (folder / "so.xlsx").write_bytes(workbook(GOOD[0], IMPOSSIBLE, GOOD[1]))
        return folder

    async def test_a_dry_run_needs_no_system_and_prints_every_row(self, sheets: Path) -> None:
        path = sheets / "so.xlsx"
        done = motcua("import", "--dry-run", "--unit", UNIT, path, "--data", sheets / "none")
        assert done.returncode == 3, done
        assert f"{path}:4: XL-1: accepted: received 03/11/2025 08:30, completed 05/11/2025 00:00" in done.stdout
        assert f"{path}:5: XL-3: rejected: received_at: " in done.stdout
        assert "2 rows would be accepted (3 statements), 1 rejected; nothing was sent" in done.stdout
        assert CITIZEN not in done.stdout

    async def test_a_dry_run_as_json(self, sheets: Path) -> None:
        done = motcua("import", "--dry-run", "--json", "--unit", UNIT, sheets / "so.xlsx", sheets / "none.csv")
        assert done.returncode == 2, done
        said = json.loads(done.stdout)
        assert (said["accepted"], said["rejected"], said["statements"]) == (2, 1, 3)
        assert [row["line"] for row in said["files"][0]["rows"]] == [4, 5, 6]
        assert len(said["unreadable"]) == 1


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with packets of both generations, written for this test."""
    folder = tmp_path_factory.mktemp("packets")
    item: dict[str, Any] = {
        "MaHoSo": "H31.66-251103-0001", "MaTTHC": "1.004873", "TenTTHC": "Xác nhận tình trạng hôn nhân",
        "NgayTiepNhan": "20251103083000", "NgayHenTra": "20251106170000", "TrangThaiHoSo": "2", "ChuHoSo": CITIZEN,
    }  # fmt: skip
    envelope = {"session": "not-needed", "madonvi": "H31.66", "service": "DongBoHoSoMC", "isUpdating": False}
    bad = {**item, "MaHoSo": "H31.66-251103-0002", "NgayTiepNhan": "20250231083000"}
    (folder / "v1.json").write_text(json.dumps({**envelope, "data": [item, bad]}, ensure_ascii=False), "utf-8")
    (folder / "v2.json").write_text(json.dumps([{**item, "MaHoSo": "H31.66-251103-0003"}]), "utf-8")
    (folder / "service.json").write_text(json.dumps({**envelope, "service": "Khac", "data": [item]}), "utf-8")
    return folder


async def test_packets_in_files_go_through_the_portals_door(shared_system: Running, packets: Path) -> None:
    files = [packets / name for name in ("v1.json", "service.json", "v2.json")]
    said = json.loads(shared_system.run("import", *files, "--unit", UNIT, "--json", expect=2))
    assert [(one["accepted"], one["duplicate"], one["rejected"]) for one in said["files"]] == [(1, 0, 1), (1, 0, 0)]
    (refused,) = said["files"][0]["rejections"]
    assert (refused["line"], refused["code"], refused["field"]) == (2, "H31.66-251103-0002", "NgayTiepNhan")
    assert [reason.partition(": ")[0] for reason in said["unreadable"]] == [str(packets / "service.json")]
    again = json.loads(shared_system.run("import", packets / "v2.json", "--unit", UNIT, "--json"))
    assert (again["accepted"], again["duplicate"]) == (0, 1)
    dry = motcua("import", "--dry-run", packets / "v1.json")
    assert dry.returncode == 3
    assert ":2: H31.66-251103-0002: rejected: NgayTiepNhan: is not a date that exists" in dry.stdout
