"""Who is late: judged by dates, as far as the source was heard, said once, taken back when it was wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared import topology
from tests.inside import Inside, at, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data, now="2025-11-03T08:00:00") as one:
            yield one


async def heard(running: Inside, when: str, source: str) -> None:
    """The clock moves and the source says something about another dossier, so that it is not silent."""
    running.clock.advance(at(when))
    await running.say({**record("received", f"ALIVE {when} {source}", when, due_at="2199-01-01"), "source": source})


async def judged(running: Inside, unit_of_time: str, source: str) -> None:
    """Wait until the sweep has judged at this instant: it calls a dossier overdue that was due long ago."""
    code = f"CANARY {unit_of_time} {source}"
    await running.say({**record("received", code, unit_of_time, due_at="2025-10-01", received_at="2025-09-01"), "source": source})  # fmt: skip
    await until(lambda: _said(running, code, "overdue"), f"{code} to be called overdue")
    await running.settled()


async def _said(running: Inside, code: str, event: str) -> bool:
    return event in await running.said(code)


async def test_a_dossier_is_due_soon_once_and_overdue_from_the_day_after_its_promise_once(running: Inside) -> None:
    source = "/live/1"
    await running.say(
        {**record("received", "LATE", "2025-11-03T08:00:00", due_at="2025-11-06T10:00:00"), "source": source}
    )
    await judged(running, "2025-11-03T08:00:00", source)
    assert await running.said("LATE") == ["received"]  # three working days before: not soon
    await heard(running, "2025-11-05T09:00:00", source)
    await judged(running, "2025-11-05T09:00:00", source)
    assert await running.said("LATE") == ["received", "due_soon"]
    await heard(running, "2025-11-06T16:59:00", source)
    await judged(running, "2025-11-06T16:59:00", source)
    assert await running.said("LATE") == ["received", "due_soon"]  # after ten o'clock, but dates are compared
    await heard(running, "2025-11-07T00:01:00", source)
    await until(lambda: _said(running, "LATE", "overdue"), "overdue on the day after")
    await heard(running, "2025-11-10T09:00:00", source)
    await judged(running, "2025-11-10T09:00:00", source)
    assert await running.said("LATE") == ["received", "due_soon", "overdue"]
    overdue = next(
        one for one in await running.messages(topology.DOSSIER, "dossier.v1.10966.overdue") if one["subject"] == "LATE"
    )
    assert at("2025-11-07T00:00:00") == at(overdue["time"][:19])
    assert overdue["data"]["changed"] == {"due_at": "2025-11-06T10:00:00+07:00"}


async def test_a_late_word_that_it_was_finished_in_time_takes_overdue_back(running: Inside) -> None:
    source = "/live/1"
    for code in ("LATE", "IN-FACT-LATE"):
        if code == "IN-FACT-LATE":
            one = record("received", code, "2025-11-03T08:00:00", due_at="2025-11-06")
            await running.say({**one, "source": source})
            await until(lambda: _said(running, "IN-FACT-LATE", "overdue"), "overdue")
    await running.say({**record("completed", "LATE", "2025-11-06T15:00:00"), "source": source})
    await running.say({**record("completed", "IN-FACT-LATE", "2025-11-07T15:00:00"), "source": source})
    assert await running.said("LATE") == ["received", "due_soon", "overdue", "resolved", "overdue_withdrawn"]
    assert await running.said("IN-FACT-LATE") == ["received", "overdue", "resolved"]


async def test_waiting_for_a_supplement_or_a_moved_promise_is_never_overdue(running: Inside) -> None:
    source = "/live/1"
    await running.say(
        *({**one, "source": source} for one in (
            record("received", "WAITS", "2025-11-04", due_at="2025-11-07"), record("supplement_requested", "WAITS", "2025-11-05"),
            record("received", "MOVED", "2025-11-04", due_at="2025-11-07"), record("supplement_requested", "MOVED", "2025-11-05"),
            record("supplemented", "MOVED", "2025-11-06", due_at="2025-12-31"),
            record("received", "NO-PROMISE", "2025-11-04"),
        ))
    )  # fmt: skip
    await judged(running, "2025-11-10T09:30:00", source)
    for code in ("WAITS", "MOVED", "NO-PROMISE"):
        assert "overdue" not in await running.said(code), code


async def test_an_import_of_old_history_makes_overdue_only_what_its_file_leaves_open(running: Inside) -> None:
    source = "/export/2024"
    opened = [record("received", f"OLD-{n}", f"2024-03-0{n}", due_at=f"2024-03-1{n}") for n in range(1, 6)]
    finished = [record("completed", f"OLD-{n}", f"2024-03-1{n - 1}") for n in range(2, 6)]
    await running.say(*({**one, "source": source} for one in opened), door="file")
    await judged(running, "2025-11-10T09:40:00", "/live/1")
    for n in range(1, 6):
        assert await running.said(f"OLD-{n}") == ["received"]  # half of the file: nobody is late
    await running.say(*({**one, "source": source} for one in finished), door="file")
    answer = await running.http.post("/v1/heard", json={"sources": {source: "2024-03-31T00:00:00+07:00"}})
    assert answer.status_code == 204
    await until(lambda: _said(running, "OLD-1", "overdue"), "the one open dossier to be overdue")
    await running.settled()
    for n in range(2, 6):
        assert await running.said(f"OLD-{n}") == ["received", "resolved"]


async def test_a_silent_source_makes_nobody_late_until_it_speaks_again(running: Inside) -> None:
    source = "/live/silent"
    await running.say({**record("received", "SILENT", "2025-11-10T09:00:00", due_at="2025-11-11"), "source": source})
    running.clock.advance(at("2025-11-17T09:00:00"))  # five working days without a word
    await judged(running, "2025-11-17T09:00:00", "/live/1")
    assert "overdue" not in await running.said("SILENT")
    await heard(running, "2025-11-17T09:01:00", source)
    await until(lambda: _said(running, "SILENT", "overdue"), "overdue after the source spoke again")


async def test_a_backlog_makes_nobody_late(running: Inside) -> None:
    """While a reader holds what the source said, the source is heard only up to the newest recorded statement."""
    source = "/live/backlog"
    await running.say({**record("received", "BACKLOG", "2025-11-17T09:01:00", due_at="2025-11-18"), "source": source})
    service = next(one for one in running.system.services if one.name == "dossier")
    async with running.database("dossier") as database:
        await database.execute("BEGIN; LOCK TABLE journal IN ACCESS EXCLUSIVE MODE")
        word = {**record("completed", "BACKLOG", "2025-11-18T16:00:00"), "source": source}
        await running.publish("onestop.v1.10966.completed", json.dumps(word).encode())
        running.clock.advance(at("2025-11-19T09:00:00"))
        assert (await service.waiting())["dossier.dossier"] == 1
        await until(lambda: _lag(running, source, 86_000), "the sweep to see the backlog")
        await database.execute("ROLLBACK")
    await running.settled()
    await judged(running, "2025-11-19T09:00:00", source)
    assert await running.said("BACKLOG") == ["received", "due_soon", "resolved"]


async def _lag(running: Inside, source: str, at_least: float) -> bool:
    text = (await running.http.get("/metrics")).text
    lines = [line for line in text.splitlines() if f'source="{source}"' in line]
    return any(float(line.rsplit(" ", 1)[1]) >= at_least for line in lines)
