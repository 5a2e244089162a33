"""Facts built anew from the bus: equal ones take the live ones' place, others only when told, and nothing is lost meanwhile."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from services.cli.backups import running_installation
from services.rebuilding import filling
from services.rebuilding import rebuild as build_anew
from services.rebuilding.shadow import SHADOW, TABLES
from services.reporting.tables import metadata
from shared import topology
from shared.settings import RULES
from tests.inside import UNIT, Inside, inside, new_folder, record, until

if TYPE_CHECKING:
    import asyncpg

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

MOTCUA = str(Path(sys.executable).parent / "motcua")
Q3, Q4 = ("2025-07-01", "2025-09-14"), ("2025-09-15", "2025-12-14")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data, now="2026-01-05") as one:
            await one.say(*said())
            yield one


def said() -> list[dict[str, Any]]:
    """Forty dossiers of two fields: every second one is done, some late, one is corrected; a petition; another unit."""
    found = list[dict[str, Any]]()
    for number in range(40):
        code, field = f"A-{number}", ("Hộ tịch", "Đất đai")[number % 2]
        found.append(
            record(
                "received", code, f"2025-08-{1 + number % 28:02d}", due_at="2025-10-10", field=field, channel="online"
            )
        )
        if number % 2:
            found.append(record("completed", code, f"2025-10-{5 + number % 20:02d}"))
    found.append(record("updated", "A-3", "2025-10-20", field="Chứng thực"))
    found.append(record("received", "B-1", "2025-11-03", due_at="2025-11-10", field="Hộ tịch", unit="10510"))
    return found  # fmt: skip


async def start(running: Inside, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        MOTCUA, "rebuild", *arguments, "--data", str(running.data),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def rebuild(running: Inside, *arguments: str) -> tuple[int | None, str, str]:
    process = await start(running, *arguments)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def all_of_it(running: Inside) -> dict[str, list[Any]]:
    """Every row of the tables that are rebuilt; a span's number does not matter."""
    async with running.database("reporting") as database:
        return {
            table: sorted(str({**row, "id": 0}) for row in map(dict, await database.fetch(f"SELECT * FROM {table}")))
            for table in TABLES
        }


async def leftover(running: Inside) -> int:
    async with running.database("reporting") as database:
        return int(await database.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", SHADOW))


@asynccontextmanager
async def held_back(
    running: Inside, table: str = "fact", mode: str = "SHARE ROW EXCLUSIVE"
) -> AsyncIterator[asyncpg.Connection[Any]]:
    """No batch is applied and no rebuild compares while the block lasts; with another table a rebuild stops earlier."""
    async with running.database("reporting") as database, database.transaction():
        await database.execute(f"LOCK TABLE {table} IN {mode} MODE")
        yield database


async def waits(database: asyncpg.Connection[Any], table: str = "fact") -> None:
    async def waiting() -> bool:
        return bool(
            await database.fetchval(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass", table
            )
        )

    await until(waiting, f"the rebuild to wait for the lock of {table}", 90)


async def test_equal_tables_are_replaced_and_nothing_else_is(running: Inside) -> None:
    before, figures = await all_of_it(running), await running.figures(*Q4)
    kept = set(metadata.tables) - {f"reporting.{name}" for name in TABLES}
    async with running.database("reporting") as database:
        numbers = {name: await database.fetchval(f"SELECT '{name}'::regclass::oid") for name in (*kept, *TABLES)}
        code, out, err = await rebuild(running, "reporting", "--dry-run")
        assert code == 0, (out, err)
        assert "compared only" in out
        assert await all_of_it(running) == before
        code, out, err = await rebuild(running, "reporting")
        assert code == 0, (out, err)
        events = await running.last(topology.DOSSIER)
        assert out.splitlines() == [
            f"read {events} events of stream DOSSIER: 41 dossiers and petitions",
            "equal: every cell of every quarter, every row of the rollup, every revision, every span and every history",
            "the rebuilt tables are the live ones now",
        ]
        new = {name: await database.fetchval(f"SELECT '{name}'::regclass::oid") for name in (*kept, *TABLES)}
        assert {name for name in numbers if new[name] != numbers[name]} == set(TABLES)
        noted = await database.fetchrow("SELECT source, events, reason, differences FROM rebuild")
        assert tuple(noted or ()) == ("stream DOSSIER", events, None, 0)
    assert await all_of_it(running) == before
    assert await running.figures(*Q4) == figures
    assert await leftover(running) == 0


async def test_a_wrong_row_is_shown_and_only_force_replaces_it(running: Inside) -> None:
    right, figures = await all_of_it(running), await running.figures(*Q4)
    async with running.database("reporting") as database:
        for table in ("rollup", "rollup_sum"):
            await database.execute(
                f"UPDATE {table} SET n = n + 7 WHERE unit = $1 AND kind = 'late' AND field = 'Đất đai'", UNIT
            )
        await database.execute("DELETE FROM span WHERE unit = '10510'")
        await database.execute("DELETE FROM known_span WHERE code = 'A-6'")
        await database.execute("DELETE FROM known_revision WHERE code = 'A-8'")
        await database.execute("UPDATE known_since SET day = '2026-01-01'")
        wrong = await all_of_it(running)
        assert await running.figures(*Q4) != figures
        code, out, _ = await rebuild(running, "reporting", "--json")
        assert code == 3
        told = json.loads(out)
        cells = {
            (one["unit"], one["field"], one["cell"]): (one["live"], one["rebuilt"]) for one in told["compared"]["shown"]
        }
        assert told["promoted"] is False
        assert told["compared"]["count"] == len(cells)
        [late] = [row["c10"] for row in figures["rows"] if row["field"] == "Đất đai"]
        live, rebuilt = cells[UNIT, "Đất đai", "II.06a 2025-Q4 c10"]
        assert (rebuilt, int(live) > late) == (str(late), True)
        assert cells["10510", "Hộ tịch", "spans of dossier B-1"] == ("0 of its own", "1 of its own")
        assert any(cell.startswith("rollup late of 2025-10-") for _, _, cell in cells)
        # received on 7 August, told on 5 January: until then nobody knew
        assert cells[UNIT, "", "history of dossier A-6, as known on 2025-08-07"] == ("versions: 1", "versions: 3")
        assert cells["", "", "first day of the history"] == ("2026-01-01", "2026-01-05")
        [lost] = [live for (_, _, cell), (live, _) in cells.items() if cell == "revision 1 of dossier A-8"]
        assert lost == "missing"
        assert await all_of_it(running) == wrong
        code, out, _ = await rebuild(running, "reporting")
        assert code == 3 and "not replaced" in out and "II.06a 2025-Q4 c10" in out
        code, out, err = await rebuild(running, "reporting", "--force", "--reason", "a row was changed by hand")
        assert code == 0, (out, err)
        assert (
            await database.fetchval("SELECT reason FROM rebuild ORDER BY id DESC LIMIT 1")
            == "a row was changed by hand"
        )
    assert await all_of_it(running) == right
    assert await running.figures(*Q4) == figures  # fmt: skip


async def test_what_is_said_meanwhile_is_there_and_what_of_it_is_late_is_proposed(running: Inside) -> None:
    closed = await running.http.post("/v1/reports/close", json={"unit": UNIT, "period": "2025-Q3"})
    assert closed.status_code == 200, closed.text
    before = await running.figures(*Q3)
    reports = (await running.http.get("/v1/reports", params={"unit": UNIT})).json()
    async with held_back(running) as database:
        process = await start(running, "reporting")
        await waits(database)
        late = record("received", "LATE-1", "2025-08-02", due_at="2025-08-05", field="Hộ tịch", channel="online")
        answer = await running.http.post("/v1/records", content=json.dumps([late]))
        assert answer.json()["rejected"] == 0
        last = await running.last(topology.DOSSIER)

        async def on_the_bus() -> bool:
            return await running.last(topology.DOSSIER) > last or "received" in await running.said("LATE-1")

        await until(on_the_bus, "the late dossier to be said")
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    await running.settled()
    after = await running.figures(*Q3)
    assert after["total"]["c4"] == before["total"]["c4"] + 1
    proposals = (await running.http.get("/v1/reports/proposals", params={"unit": UNIT})).json()
    assert [cause["dossier"] for one in proposals for cause in one["causes"]] == ["LATE-1"]
    assert (await running.http.get("/v1/reports", params={"unit": UNIT})).json() == reports
    await running.say(record("received", "AFTER-1", "2025-11-04", field="Hộ tịch", channel="online"))
    code, out_after, _ = await rebuild(running, "reporting", "--dry-run")
    assert code == 0, out_after


async def doctor(running: Inside) -> str:
    process = await asyncio.create_subprocess_exec(
        MOTCUA, "doctor", "--data", str(running.data), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return " ".join(out.decode().split())


@pytest.mark.parametrize(
    ("table", "mode"),
    [("published_score", "ACCESS EXCLUSIVE"), ("fact", "SHARE ROW EXCLUSIVE")],
    ids=["begun", "ready"],
)
async def test_a_killed_rebuild_leaves_the_live_tables_and_the_next_one_clears_up(
    running: Inside, table: str, mode: str
) -> None:
    before = await all_of_it(running)
    async with held_back(running, table, mode) as database:
        process = await start(running, "reporting")
        await waits(database, table)
        refused = await rebuild(running, "reporting")
        assert refused[0] == 2 and "another rebuild is running" in refused[2]
        assert "no rebuild was killed" in await doctor(running)
        process.kill()
        await process.wait()
    assert await leftover(running) == 1
    assert await all_of_it(running) == before
    await running.say(record("received", f"KILL-{table}", "2025-11-05", field="Hộ tịch"))

    async def let_go() -> bool:
        return "a rebuild was killed and left" in await doctor(running)

    await until(let_go, "the server to see that the killed rebuild is gone")
    code, out, err = await rebuild(running, "reporting")
    assert code == 0, (out, err)
    assert await leftover(running) == 0
    assert "no rebuild was killed" in await doctor(running)


async def test_several_processes_make_the_same_tables(running: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "PIECE", 25)
    before, told = await all_of_it(running), list[tuple[str, int, int]]()
    async with running_installation(running.data, RULES) as installation:
        done = await build_anew(
            installation, "reporting", dry_run=False, reason=None, tell=lambda *one: told.append(one)
        )
    assert (done.events, done.compared.count, done.promoted) == (await running.last(topology.DOSSIER), 0, True)
    assert len([one for one in told if one[0] == "events"]) > 3
    assert await all_of_it(running) == before


async def test_a_wiped_stream_is_read_from_the_archive(running: Inside) -> None:
    before = await all_of_it(running)
    await running.bus.jetstream().purge_stream(topology.DOSSIER)
    code, out, err = await rebuild(running, "reporting")
    assert code == 0, (out, err)
    assert "of the archive of the dossier service" in out
    assert await all_of_it(running) == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["inspection"], "a rebuild of its facts is not built yet"),
        (["dossier"], "it folds its own journal"),
        (["notification"], "would alert people twice"),
        (["post"], "there is no such service"),
        (["reporting", "--force"], "say --reason"),
        (["reporting", "--force", "--reason", "x", "--dry-run"], "not --dry-run"),
        (["reporting", "--reason", "x"], "goes with --force"),
    ],
)
async def test_what_cannot_be_rebuilt_is_refused_in_words(running: Inside, arguments: list[str], reason: str) -> None:
    code, _, err = await rebuild(running, *arguments)
    assert code == 2
    assert reason in err


async def test_views_of_boards_stay_and_what_else_depends_on_the_live_tables_is_named(running: Inside) -> None:
    shown = "SELECT count(*) AS n, sum(n)::int AS sum FROM board.rollup"
    about = """
        SELECT viewname, viewowner, definition, has_table_privilege('board', 'board.' || viewname, 'SELECT') AS read
        FROM pg_views WHERE schemaname = 'board' ORDER BY 1
    """
    async with running.database("reporting") as database:
        views, rows = await database.fetch(about), await database.fetchrow(shown)
        code, out, err = await rebuild(running, "reporting")
        assert code == 0, (out, err)
        assert await database.fetch(about) == views
        assert {"rollup", "span", "petition_span"} <= {row["viewname"] for row in views if row["read"]}
        assert await database.fetchrow(shown) == rows
        await database.execute("CREATE MATERIALIZED VIEW mine AS SELECT unit, sum(n) AS n FROM rollup GROUP BY unit")
        code, _, err = await rebuild(running, "reporting")
        assert code == 2 and "depends on the live tables" in " ".join(err.split())
        assert await database.fetchval("SELECT count(*) FROM mine") == 2
        await database.execute("DROP MATERIALIZED VIEW mine")
