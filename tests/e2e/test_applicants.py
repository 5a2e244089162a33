"""Names of applicants kept for letters: printed there for who may write them, forgotten in time, found nowhere in clear."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import docx
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from services.dossier.apologies import messages
from services.dossier.applicants.sealing import Seal, make_key
from services.dossier.applicants.usecases import NO_KEY, OTHER_KEY, Names
from shared.database import Database
from shared.parties import Party
from tests.e2e.running import MOTCUA
from tests.e2e.searching import places
from tests.inside import UNIT, Inside, at, inside, new_folder, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

NAME = "Nguyễn Văn Thử"
LATE, DONE, FORGOTTEN = (f"000.10.66.H24-251103-{number}" for number in ("0012", "0901", "0902"))
BLANK = f"Kính gửi: Ông/Bà {messages.BLANK}"
SENDER = "a token of the unit's sender"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    make_key(path := tmp_path_factory.mktemp("key") / "applicants-key")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MOTCUA_APPLICANTS_KEY", str(path))
        environment.setenv("MOTCUA_APPLICANTS_SECONDS", "0.2")
        yield path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(key: Path) -> AsyncIterator[Inside]:
    assert key.stat().st_mode & 0o077 == 0
    with new_folder() as folder:
        async with inside(folder, "2025-11-10T08:00:00") as running:
            sender = Party(name="sender", units=frozenset({UNIT}))
            tokens = running.system.environment.tokens
            tokens.parties = {**tokens.parties, hashlib.sha256(SENDER.encode()).hexdigest(): sender}
            yield running


async def send(system: Inside, packets: Path, code: str, **facts: str) -> str:
    packet = json.loads((packets / "00-v1-new.json").read_text("utf-8"))
    packet["data"][0] |= {"MaHoSo": code, **facts}
    answer = await system.http.post("/dvcqg/v1", params={"unit": UNIT}, json=packet)
    return str(answer.json()["result"][0]["status"])


async def draft(system: Inside, code: str) -> None:
    answer = await system.http.post(f"/v1/apologies/{UNIT}/draft", json={"dossier": code, "reason_code": "workload"})
    assert answer.status_code == 200, answer.text


async def letter(system: Inside, code: str, **headers: str) -> tuple[str, str | None]:
    """The line that addresses the applicant, and why it has a blank."""
    url, asked = f"/v1/apologies/{UNIT}/letter", {"dossier": code}
    answer = await system.http.post(url, params={"as": "docx"}, json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    paragraphs = [one.text for one in docx.Document(io.BytesIO(answer.content)).paragraphs]
    [line] = [one for one in paragraphs if one.startswith("Kính gửi")]
    return line, answer.headers.get("Motcua-Remark")


async def kept(system: Inside) -> dict[str, bool]:
    """Dossiers with a row, and whether it still holds a name."""
    async with system.database("dossier") as database:
        return {row["code"]: row["sealed"] is not None for row in await database.fetch("SELECT * FROM applicant")}


async def seal_anew(system: Inside, code: str, sealed: bytes) -> None:
    async with system.database("dossier") as database:
        await database.execute("UPDATE applicant SET sealed = $2 WHERE code = $1", code, sealed)


async def test_a_kept_name_is_printed_for_whoever_writes_letters_and_stands_nowhere_in_clear(
    system: Inside, packets: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    assert await send(system, packets, LATE) == "accepted"
    assert await send(system, packets, LATE) == "duplicate"
    assert await send(system, packets, f"{LATE}-bad", NgayTiepNhan="20251340") == "rejected"
    assert await kept(system) == {LATE: True}, "of what was refused nothing is kept"
    await draft(system, LATE)
    assert await send(system, packets, LATE, NgayTiepNhan="20251340", ChuHoSo="Trần Thị Khác") == "rejected"
    assert await letter(system, LATE) == (f"Kính gửi: Ông/Bà {NAME}", None), "what was refused names nobody anew"
    assert await letter(system, LATE, Authorization=f"Bearer {SENDER}") == (BLANK, None)

    await system.settled()
    everywhere = await places(system, caplog.text)
    assert "dead_letter_kept" in everywhere["logs"], "log lines are looked at"
    assert LATE in everywhere["journal"] and LATE in everywhere["applicant"], "the places hold what was said"
    assert [place for place, text in everywhere.items() if NAME in text or "Văn Thử" in text] == []
    files = [path for path in system.data.rglob("*") if path.is_file() and NAME.encode() in path.read_bytes()]
    assert files == [], "nor do the files of the database, of the bus and of documents"


async def test_a_name_that_was_forgotten_does_not_come_back_with_the_next_packet(system: Inside, packets: Path) -> None:
    await send(system, packets, FORGOTTEN)
    url = f"/v1/apologies/{UNIT}/forget"
    refused = await system.http.post(url, json={"dossier": FORGOTTEN}, headers={"Authorization": f"Bearer {SENDER}"})
    assert refused.status_code == 403
    assert (await system.http.post(url, json={"dossier": FORGOTTEN})).status_code == 204
    unknown = await system.http.post(url, json={"dossier": "NOBODY"})
    assert (unknown.status_code, "NOBODY" in unknown.json()["error"]) == (404, True)
    await send(system, packets, FORGOTTEN, TrangThaiHoSo="6")
    assert (await kept(system))[FORGOTTEN] is False
    await draft(system, FORGOTTEN)
    assert await letter(system, FORGOTTEN) == (BLANK, None)


async def test_another_key_prints_a_letter_without_the_name_and_says_why(
    system: Inside, packets: Path, key: Path, tmp_path: Path
) -> None:
    async with system.database("dossier") as database:
        own = await database.fetchval("SELECT sealed FROM applicant WHERE code = $1", LATE)
    await seal_anew(system, LATE, Fernet(Fernet.generate_key()).encrypt(NAME.encode()))
    assert await letter(system, LATE) == (BLANK, OTHER_KEY)
    await send(system, packets, DONE)
    await seal_anew(system, DONE, own)
    await draft(system, DONE)
    assert await letter(system, DONE) == (BLANK, OTHER_KEY), "a name that was put beside another dossier is not printed"
    await seal_anew(system, LATE, own)
    assert await letter(system, LATE) == (f"Kính gửi: Ông/Bà {NAME}", None)
    database = Database(json.loads((system.data / "runtime.json").read_text())["databases"]["dossier"], "dossier")
    await database.start()
    try:
        assert await Names(database, system.clock, None, days=30).of(UNIT, LATE) == ("", NO_KEY)
        make_key(new := tmp_path / "new")
        (both := tmp_path / "both").write_text(f"{new.read_text()}\n{key.read_text()}")
        rotated, lost = (Names(database, system.clock, Seal.load(path), days=30) for path in (both, new))
        assert (await rotated.of(UNIT, LATE), await lost.of(UNIT, LATE)) == ((NAME, ""), ("", OTHER_KEY))
    finally:
        await database.stop()


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read"), ("secret of somebody\n", "holds a line that is no key")]
)
async def test_a_key_file_that_is_named_and_cannot_be_used_ends_the_start_in_one_line(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    path = tmp_path / "applicants-key"
    if content is not None:
        path.write_text(content)
    with new_folder() as data:
        command = [MOTCUA, "up", "--data", str(data), "--port", "0"]
        environment = {**os.environ, "MOTCUA_APPLICANTS_KEY": str(path)}
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 2, done
    assert "ready" not in done.stdout, "silently dropped names would be found out by the first letter"
    assert done.stderr.startswith("motcua: ") and done.stderr.count("\n") == 1, done.stderr
    assert f"MOTCUA_APPLICANTS_KEY names {reason}" in done.stderr and "somebody" not in done.stderr


async def test_a_name_goes_thirty_days_after_the_dossiers_end_and_stays_away(system: Inside, packets: Path) -> None:
    ended = {"TrangThaiHoSo": "10", "NgayKetThucXuLy": "20251110070000", "NgayTra": "20251110073000"}
    assert await send(system, packets, DONE, **ended) == "accepted"
    system.clock.advance(at("2025-12-10T06:30:00"))
    database = Database(json.loads((system.data / "runtime.json").read_text())["databases"]["dossier"], "dossier")
    await database.start()
    try:
        assert await Names(database, system.clock, None, days=30).forget_finished() == 0
    finally:
        await database.stop()
    assert (await kept(system))[DONE] is True, "the look at what ended leaves it"
    await send(system, packets, DONE, **ended)
    assert (await kept(system))[DONE] is True, "thirty days are not over"
    system.clock.advance(at("2025-12-10T07:30:00"))

    async def is_gone() -> bool:
        return DONE not in await kept(system)

    await until(is_gone, "the name to be forgotten")
    assert await send(system, packets, DONE, **ended) == "duplicate"
    assert await kept(system) == {LATE: True, FORGOTTEN: False}
