"""The scorecard on the real system: every figure of a day played by hand, silence, the day's event, the gap query."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from services.cli.sources import cards_of, table_of
from services.dossier.scorecard import repository
from services.dossier.scorecard.metrics import SourceMetrics
from services.dossier.scorecard.watching import WatchSources
from shared import topology
from shared.database import Database
from shared.settings import RULES
from shared.workdays import load_calendar
from tests.e2e.running import MOTCUA
from tests.inside import Inside, at, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
UNIT, SOURCE, PETITIONS = "10966", "/onestop/31/10966", "/pakn/10966"
TOKENS = {"binh-giang": ["10966"], "thanh-dong": ["10510"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTCUA_WATCH_SECONDS", "0.1")
        patch.setenv("MOTCUA_CARDS_SECONDS", "0.1")
        patch.setenv("MOTCUA_DELIVER_SECONDS", "0.1")
        async with inside(data, now="2025-11-05T08:00:00") as one:
            give_tokens(one)
            await a_day(one)
            yield one


def give_tokens(running: Inside) -> None:
    path = running.data / "secrets" / "tokens.json"
    known = json.loads(path.read_text())
    for name, units in TOKENS.items():
        known[hashlib.sha256(name.encode()).hexdigest()] = {"name": name, "units": units, "roles": []}
    path.write_text(json.dumps(known))


def as_party(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def code(number: int) -> str:
    return f"H24.103-251105-{number:04d}"


def taken_in(number: int, when: str, **facts: Any) -> dict[str, Any]:
    """The number is that of the record and of the dossier; everything is said unless taken away with `None`."""
    known = {"field": "Hộ tịch", "procedure": "1.004873", "channel": "online", "due_at": "2025-11-07T17:00:00"} | facts
    told = {name: value for name, value in known.items() if value is not None}
    return {**record("received", code(number), when, id=f"bg-{number:06d}", **told), "source": SOURCE}


async def a_day(running: Inside) -> None:
    """Wednesday 05/11/2025: at 08:00 six receptions, at 10:00 the rest, at 15:00 a last word."""
    await running.say(*(taken_in(number, "2025-11-05T08:00:00") for number in (1, 2, 3)))
    running.clock.advance(at("2025-11-05T10:00:00"))
    await running.say(
        taken_in(4, "2025-11-05T09:00:00", field=None),
        taken_in(7, "2025-11-05T09:30:00", field=None, due_at=None),  # 5 and 6 never come
        taken_in(
            8, "2025-11-05T08:30:00", received_at="2025-11-04T16:00:00"
        ),  # older than the one before it; code of the 5th
    )
    await running.say(taken_in(1, "2025-11-05T08:00:00"), taken_in(2, "2025-11-05T08:00:00"))
    bad = [
        {**taken_in(20, "2025-11-05T09:00:00"), "time": "yesterday"},
        {**taken_in(21, "2025-11-05T09:00:00"), "id": ""},
    ]
    answer = await running.http.post("/v1/records", content=json.dumps(bad), headers=as_party("binh-giang"))
    assert answer.json()["rejected"] == 2
    running.clock.advance(at("2025-11-05T15:00:00"))
    for id_, kind, when in (
        ("done", "completed", "11:00"),
        ("again", "processing", "14:00"),
        ("back", "submitted", "14:30"),
    ):
        await running.say({**record(kind, code(1), f"2025-11-05T{when}:00", id=id_), "source": SOURCE})
    await running.say(a_petition("2025-11-05T12:00:00"), a_petition("2025-11-05T14:45:00", kind="answered"))


def a_petition(when: str, kind: str = "received") -> dict[str, Any]:
    """One of another source that bears the code of the first dossier: it is no part of that dossier's story."""
    one = record(f"petition.{kind}", code(1), when, id=f"pakn-{kind}")
    return {**one, "source": PETITIONS, "data": {"petition": one["data"].pop("dossier"), **one["data"]}}


async def card(running: Inside, day: str, source: str = SOURCE) -> dict[str, Any]:
    answer = await running.http.get("/v1/sources/scorecard", params={"source": source, "from": day, "to": day})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["days"]
    return dict(found)


async def test_the_card_of_a_day_has_every_figure(running: Inside) -> None:
    assert await card(running, "2025-11-05") == {
        "day": "2025-11-05",
        "accepted": 9,
        "duplicate": 2,
        "out_of_order": 1,
        "rejected": 2,
        "rejected_fields": {"id": 1, "time": 1},
        # 0, 0, 0; 60, 30, 90; 240, 60, 30 minutes: sorted 0 0 0 30 30 60 60 90 240
        "delay_p50": 30 * 60,
        "delay_p95": 240 * 60,
        "received": 6,
        "missing_facts": {"field": 2, "due_at": 1},
        "reopened": 1,
        "backward": 1,
        "code_date_differs": 1,
        "id_gaps": {"missing": 2, "examples": ["bg-000005", "bg-000006"]},
        "code_gaps": {"missing": 2, "examples": [code(5), code(6)]},
        # 07:30-08:00 30, 08:00-10:00 120, 10:00-11:30 and 13:30-15:00 180
        "longest_silence": 180,
    }


async def test_the_table_of_sources_and_a_party_sees_its_own_only(running: Inside) -> None:
    found = (await running.http.get("/v1/sources")).json()
    (line,) = [one for one in found["sources"] if one["name"] == SOURCE]
    assert (line["units"], line["is_live"], line["silent"]) == ([UNIT], True, False)
    assert line["today"] == {"accepted": 9, "duplicate": 2, "out_of_order": 1, "rejected": 2}
    mine = (await running.http.get("/v1/sources", headers=as_party("binh-giang"))).json()
    assert SOURCE in [one["name"] for one in mine["sources"]]
    theirs = (await running.http.get("/v1/sources", headers=as_party("thanh-dong"))).json()
    assert (theirs["sources"], theirs["strangers"]) == ([], {})
    params = {"source": SOURCE, "from": "2025-11-05", "to": "2025-11-05"}
    assert (
        await running.http.get("/v1/sources/scorecard", params=params, headers=as_party("thanh-dong"))
    ).status_code == 404
    assert (await running.http.get("/v1/sources/scorecard", params=params | {"to": "2026-11-05"})).status_code == 422


async def test_another_units_token_cannot_spoil_a_sources_card(running: Inside) -> None:
    forged = {**taken_in(30, "2025-11-05T09:00:00"), "time": "yesterday"}
    answer = await running.http.post("/v1/records", content=json.dumps([forged]), headers=as_party("thanh-dong"))
    assert answer.json()["rejected"] == 1
    assert (await card(running, "2025-11-05"))["rejected"] == 2
    found = (await running.http.get("/v1/sources", headers=as_party("thanh-dong"))).json()
    assert found["strangers"] == {"thanh-dong": 1}


async def test_a_bad_record_on_the_bus_counts_for_the_source_of_its_subjects_unit_only(running: Inside) -> None:
    async def rejected(count: int) -> bool:
        return bool((await card(running, "2025-11-05"))["rejected"] == count)

    before = (await card(running, "2025-11-05"))["rejected"]
    body = json.dumps({**taken_in(31, "2025-11-05T09:00:00"), "time": "yesterday"}).encode()
    await running.publish("onestop.v1.10510.received", body)
    await running.publish("onestop.v1.10510.received", b"{")
    await running.settled()
    assert await rejected(before)
    await running.publish("onestop.v1.10966.received", body)
    await until(lambda: rejected(before + 1), "the bad record to be counted")
    found = (await running.http.get("/v1/sources")).json()
    assert found["strangers"][""] == 2


async def test_the_gap_query_answers_for_ids_and_ranges(running: Inside) -> None:
    async def ask(headers: dict[str, str] | None = None, **question: Any) -> httpx.Response:
        return await running.http.post("/v1/arrived", json={"source": SOURCE} | question, headers=headers)

    by_range = (await ask(from_id="bg-000003", to_id="bg-000009")).json()
    assert by_range["arrived"] == ["bg-000003", "bg-000004", "bg-000007", "bg-000008"]
    assert by_range["missing"] == ["bg-000005", "bg-000006", "bg-000009"]
    by_list = (await ask(ids=["done", "never", "done", "bg-000001"])).json()
    assert (by_list["arrived"], by_list["missing"]) == (["done", "bg-000001"], ["never"])
    by_text = (await ask(from_id="again", to_id="bg-000002")).json()
    assert (by_text["arrived"], by_text["missing"]) == (["again", "back", "bg-000001", "bg-000002"], None)
    stranger = (await ask(as_party("thanh-dong"), ids=["bg-000001"])).json()
    assert (stranger["arrived"], stranger["missing"]) == ([], ["bg-000001"])
    assert (await ask(as_party("binh-giang"), ids=["bg-000001"])).json()["arrived"] == ["bg-000001"]
    assert (await ask(from_id="bg-000001", to_id="bg-020000")).status_code == 422
    for wrong in ({}, {"from_id": "bg-1"}, {"ids": [], "from_id": "a", "to_id": "b"}, {"ids": ["x"] * 10_001}):
        assert (await ask(**wrong)).status_code == 422, wrong
    assert (await ask({"Authorization": "Bearer nobody"}, ids=["bg-000001"])).status_code == 401


async def metrics_of_sources(running: Inside) -> dict[str, float]:
    lines = (await running.http.get("/metrics")).text.splitlines()
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith("motcua_source_")
    }


def todays(source: str, **figures: float) -> dict[str, float]:
    """The gauges of a card, by what stands in their names."""
    names = {
        "gaps_id": f'motcua_source_gaps{{series="id",source="{source}"}}',
        "gaps_code": f'motcua_source_gaps{{series="code",source="{source}"}}',
        "reopened": f'motcua_source_moves{{move="reopened",source="{source}"}}',
        "backward": f'motcua_source_moves{{move="backward",source="{source}"}}',
        "no_field": f'motcua_source_missing_facts{{fact="field",source="{source}"}}',
        "no_procedure": f'motcua_source_missing_facts{{fact="procedure",source="{source}"}}',
        "no_due_at": f'motcua_source_missing_facts{{fact="due_at",source="{source}"}}',
        "no_channel": f'motcua_source_missing_facts{{fact="channel",source="{source}"}}',
        "out_of_order": f'motcua_source_out_of_order{{source="{source}"}}',
        "code_date_differs": f'motcua_source_code_date_differs{{source="{source}"}}',
    }
    return {name: figures.get(short, 0) for short, name in names.items()}


def shown(running: Inside, expected: dict[str, float]) -> Callable[[], Awaitable[bool]]:
    async def same() -> bool:
        found = await metrics_of_sources(running)
        return {name: found.get(name) for name in expected} == expected

    return same


async def test_the_figures_of_the_card_are_metrics_of_the_day_so_far(running: Inside) -> None:
    expected = todays(
        SOURCE,
        gaps_id=2,
        gaps_code=2,
        reopened=1,
        backward=1,
        no_field=2,
        no_due_at=1,
        out_of_order=1,
        code_date_differs=1,
    )
    await until(shown(running, expected | todays(PETITIONS)), "the card of the day as metrics")


async def test_metrics_name_known_sources_only(running: Inside) -> None:
    lines = (await running.http.get("/metrics")).text.splitlines()
    counted = await metrics_of_sources(running)
    assert counted[f'motcua_source_statements_total{{source="{SOURCE}",verdict="accepted"}}'] == 9
    assert counted[f'motcua_source_statements_total{{source="{SOURCE}",verdict="duplicate"}}'] == 2
    assert counted[f'motcua_source_delay_seconds_bucket{{le="3600.0",source="{SOURCE}"}}'] == 7
    assert not [line for line in lines if "thanh-dong" in line]


async def test_a_petition_counts_for_its_source_and_moves_no_dossier(running: Inside) -> None:
    found = await card(running, "2025-11-05", PETITIONS)
    # said at 15:00 of 12:00 and 14:45; nothing of what a reception of a dossier should say is missing
    assert (found["accepted"], found["delay_p50"], found["delay_p95"]) == (2, 900, 10_800)
    assert (found["received"], found["missing_facts"], found["code_date_differs"]) == (0, {}, 0)
    assert (found["reopened"], found["backward"]) == (0, 0)


async def test_a_refused_item_of_a_portal_packet_counts_for_the_units_packets(running: Inside) -> None:
    packet = [
        {"MaHoSo": "000.10.66.H24-251105-0201", "MaTTHC": "1.004873", "TenTTHC": "x", "NgayTiepNhan": "20251105080000",
         "NgayHenTra": "20251107170000", "TrangThaiHoSo": "2"},
        {"MaHoSo": "", "NgayTiepNhan": "20251105080000"},
    ]  # fmt: skip
    body = {"session": "x", "madonvi": "x", "service": "DongBoHoSoMC", "isUpdating": False, "data": packet}
    for _ in range(2):
        answer = await running.http.post("/dvcqg/v1", params={"unit": UNIT}, json=body)
        assert [one["status"] == "rejected" for one in answer.json()["result"]] == [False, True], answer.text
    found = await card(running, "2025-11-05", "/dvcqg/10966")
    # the first packet's own word came after its refusal, when nobody knew the source; both count under its name
    assert (found["rejected"], sum(found["rejected_fields"].values())) == (2, 2)


async def events(running: Inside, name: str) -> list[dict[str, Any]]:
    found = await running.messages(topology.DOSSIER, f"source.v1.{UNIT}.{name}")
    return [one for one in found if one["subject"] == SOURCE]


def some(running: Inside, name: str, count: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return len(await events(running, name)) >= count

    return enough


async def alerts(running: Inside, rule: str) -> list[dict[str, Any]]:
    found = (await running.http.get("/v1/alerts", params={"unit": UNIT, "limit": 1000})).json()
    return [one for one in found if one["rule"] == rule and one["subject"] == SOURCE]


async def test_after_the_day_has_ended_its_card_is_said_once(running: Inside) -> None:
    assert await events(running, "scorecard") == []
    before = await card(running, "2025-11-05")
    running.clock.advance(at("2025-11-06T00:06:00"))
    await until(some(running, "scorecard", 1), "the card of the day")
    await until(shown(running, todays(SOURCE)), "a new day to begin with zeros")
    running.clock.advance(at("2025-11-06T07:30:00"))
    await running.settled()
    (said,) = await events(running, "scorecard")
    assert said["type"] == "vn.motcua.source.scorecard.v1"
    assert (said["data"]["source"], said["data"]["unit"], said["data"]["day"]) == (SOURCE, UNIT, "2025-11-05")
    # said after the office had closed: the silence from 15:00 on is 120 minutes, less than that before it
    assert {name: said["data"][name] for name in before} == before


async def test_a_source_that_falls_silent_in_office_hours_is_told_once_and_so_is_its_return(running: Inside) -> None:
    # heard last on Wednesday at 15:00: 120 minutes that day, so 450 are over on Thursday at 15:00
    running.clock.advance(at("2025-11-06T14:59:00"))
    await running.settled()
    assert await events(running, "silent") == []
    running.clock.advance(at("2025-11-06T15:01:00"))
    await until(some(running, "silent", 1), "the silence to be noticed")
    line = next(one for one in (await running.http.get("/v1/sources")).json()["sources"] if one["name"] == SOURCE)
    assert (line["silent"], line["quiet_minutes"]) == (True, 451)
    found = await metrics_of_sources(running)
    assert found[f'motcua_source_silent{{source="{SOURCE}"}}'] == 1
    assert found[f'motcua_source_quiet_seconds{{source="{SOURCE}"}}'] == 451 * 60
    running.clock.advance(at("2025-11-06T16:00:00"))
    await running.say(taken_in(9, "2025-11-06T16:00:00"))
    await until(some(running, "heard_again", 1), "the return to be noticed")
    await running.settled()
    (silent,), (again,) = await events(running, "silent"), await events(running, "heard_again")
    assert (silent["time"], silent["data"]["since"]) == ("2025-11-06T15:00:00+07:00", "2025-11-05T15:00:00+07:00")
    assert (again["data"]["since"], again["data"]["until"]) == (
        "2025-11-05T15:00:00+07:00",
        "2025-11-06T16:00:00+07:00",
    )
    for rule in ("source-silent", "source-heard-again"):
        (alert,) = await alerts(running, rule)
        assert (alert["role"], alert["unit"]) == ("quan-tri", UNIT)
    assert f'motcua_source_silent{{source="{SOURCE}"}} 0.0' in (await running.http.get("/metrics")).text


async def test_a_gap_between_two_days_is_seen_and_a_file_is_never_silent(running: Inside) -> None:
    # number 9 follows 8; 10 to 12 never come
    await running.say(*(taken_in(number, "2025-11-06T16:00:00") for number in (13, 14, 15, 16)))
    found = await card(running, "2025-11-06")
    assert found["id_gaps"] == {"missing": 3, "examples": ["bg-000010", "bg-000011", "bg-000012"]}
    export = {**record("received", "OLD", "2025-03-01", due_at="2025-03-05"), "source": "/export"}
    await running.say(export, door="file")
    running.clock.advance(at("2025-11-20T16:00:00"))
    await until(some(running, "silent", 2), "the live source to fall silent again")
    line = next(one for one in (await running.http.get("/v1/sources")).json()["sources"] if one["name"] == "/export")
    assert (line["is_live"], line["silent"], line["quiet_minutes"]) == (False, False, 0)
    told = await running.messages(topology.DOSSIER, f"source.v1.{UNIT}.silent")
    assert "/export" not in [one["subject"] for one in told]


async def test_days_without_a_word_have_cards_too_and_weekends_have_none(running: Inside) -> None:
    answer = await running.http.get(
        "/v1/sources/scorecard", params={"source": SOURCE, "from": "2025-11-01", "to": "2025-11-12"}
    )
    days = {one["day"][-2:]: (one["accepted"], one["longest_silence"]) for one in answer.json()["days"]}
    # nothing before the first word on the 5th, nothing on the 8th and 9th; 07:30 to 16:00 on the 6th is 390
    assert days == {"05": (9, 180), "06": (5, 390), "07": (0, 450), "10": (0, 450), "11": (0, 450), "12": (0, 450)}


async def test_the_tables_on_the_terminal(running: Inside) -> None:
    table = table_of((await running.http.get("/v1/sources")).json())
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert ("/export", UNIT, "Tệp") in [row[:3] for row in rows]
    answer = await running.http.get(
        "/v1/sources/scorecard", params={"source": SOURCE, "from": "2025-11-05", "to": "2025-11-05"}
    )
    cards = cards_of(answer.json())
    (row,) = zip(*(column.cells for column in cards.columns), strict=True)
    assert row == ("05/11", "9", "2", "3", "1", "30 ph", "4 g", "3", "1", "1", "1", "2", "2", "180")


async def motcua(running: Inside, *arguments: str) -> str:
    """The command itself, beside the running system."""
    command = [MOTCUA, *arguments, "--data", str(running.data)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


async def test_the_command_prints_sources_and_the_card_of_one(running: Inside) -> None:
    names = [one["name"] for one in json.loads(await motcua(running, "sources", "--json"))["sources"]]
    assert names == ["/dvcqg/10966", "/export", SOURCE, PETITIONS]
    found = json.loads(await motcua(running, "sources", SOURCE, "--to", "2025-11-06", "--days", "2", "--json"))
    assert [(one["day"], one["accepted"]) for one in found["days"]] == [("2025-11-05", 9), ("2025-11-06", 5)]
    printed = await motcua(running, "sources")
    assert SOURCE in printed and "Im lặng" in printed


@contextlib.asynccontextmanager
async def unwatched() -> AsyncIterator[tuple[Inside, Callable[[int], Awaitable[int]]]]:
    """A system whose own watch rests for an hour, with two live sources, and a look by hand at so many waiting."""
    with new_folder() as data, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTCUA_WATCH_SECONDS", "3600")
        async with inside(data, now="2025-11-05T08:00:00") as one:
            await one.say(taken_in(1, "2025-11-05T08:00:00"), taken_in(2, "2025-11-05T08:00:00") | {"source": "/other"})
            url = json.loads((data / "runtime.json").read_text())["databases"]["dossier"]
            database, metrics = Database(url, "dossier"), SourceMetrics(CollectorRegistry())
            await database.start()

            async def look(waiting: int) -> int:
                async def pending() -> int:
                    return waiting

                watch = WatchSources(
                    database, one.clock, load_calendar(RULES), metrics, lambda: None, pending, silent_after_minutes=60
                )
                return await watch()

            yield one, look
            await database.stop()


async def test_our_own_backlog_is_nobodys_silence_and_silence_is_said_once() -> None:
    async with unwatched() as (running, look):
        running.clock.advance(at("2025-11-05T10:30:00"))
        assert [await look(1), await look(0), await look(0)] == [0, 2, 0]


async def test_what_goes_wrong_with_one_source_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with unwatched() as (running, look):
        running.clock.advance(at("2025-11-05T10:30:00"))
        save = repository.save_watched

        async def failing(session: Any, name: str, *rest: Any) -> None:
            await save(session, name, *rest)
            if name == "/other":
                raise ValueError("this one cannot be judged")

        monkeypatch.setattr(repository, "save_watched", failing)
        assert await look(0) == 1
