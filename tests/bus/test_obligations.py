"""Owed reports on the real system: opened, due, late, received, checked, sent to the city; each said once, whatever fails."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.reporting.obligations import repository
from services.reporting.obligations.watching import WatchObligations
from shared import outbox, patience, topology
from tests.bus.owed import named, post
from tests.bus.reports import acknowledgement, city, close, two_dossiers
from tests.inside import UNIT, Inside, at, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
DEPARTMENTS = ("kinh-te", "van-hoa-xa-hoi", "van-phong")
SUNDAY, MONDAY, TUESDAY = "2025-12-14", "2025-12-15T00:00:00", "2025-12-16T00:00:00"


@pytest_asyncio.fixture(loop_scope="module")
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Inside]:
    """Sunday 14/12/2025, the last day of the fourth quarter and of the year; departments are due on Monday."""
    monkeypatch.setenv("MOTCUA_OBLIGATIONS_SECONDS", "0.05")
    monkeypatch.setenv("MOTCUA_MEASURE_SECONDS", "0.05")
    # cut off more often within a minute than an hour of trouble would: each cut is a new one
    monkeypatch.setattr(patience, "HEALTHY", 0.0)
    with new_folder() as data:
        async with inside(data, SUNDAY) as one:
            await one.settled()
            yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def monday() -> AsyncIterator[Inside]:
    """One system on Monday 15/12/2025 for the tests that do not disturb each other."""
    with pytest.MonkeyPatch.context() as patch, new_folder() as data:
        patch.setenv("MOTCUA_OBLIGATIONS_SECONDS", "0.05")
        async with inside(data, "2025-12-15") as one:
            await one.settled()
            yield one


async def owed_events(running: Inside, unit: str = UNIT) -> list[tuple[str, str, str]]:
    """(event, who owes, period) about owed reports, in the order of the stream."""
    found = await running.messages(topology.REPORT, f"report.v1.{unit}.*")
    return [
        (name.removeprefix("unit_report_"), one["data"]["owed_by"], one["data"]["period"])
        for one in found
        if (name := one["type"].split(".")[-2]).startswith("unit_report_")
    ]


async def said(running: Inside, event: str, unit: str = UNIT) -> list[tuple[str, str]]:
    return sorted((who, period) for name, who, period in await owed_events(running, unit) if name == event)


async def calendar(running: Inside, unit: str = UNIT, **window: str) -> list[dict[str, Any]]:
    answer = await running.http.get("/v1/reports/calendar", params={"unit": unit, **window})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


async def on_time(running: Inside) -> dict[str, Any]:
    """The plan's target about departments' reports, in its own period."""
    await running.settled()
    shown = (await running.http.get(f"/v1/plans/{UNIT}")).json()["plans"][0]["targets"]
    [target] = [one for one in shown if (one["id"], one["period"]) == ("BG-T15", "plan")]
    return dict(target)


async def advance(running: Inside, to: str) -> None:
    running.clock.advance(at(to))
    await running.settled()


def watcher(running: Inside) -> WatchObligations:
    tasks = (task for service in running.system.services for task in service.tasks)
    return next(task.__self__ for task in tasks if "WatchObligations" in task.__qualname__)  # type: ignore[attr-defined]


Q4_AND_YEAR = [(who, period) for who in DEPARTMENTS for period in ("2025", "2025-Q4")]
FIGURES = {"c3": 1, "c9": 1}


async def test_a_quarter_from_its_due_day_to_the_citys_acknowledgement(running: Inside) -> None:
    facts = {"received_at": "2025-10-01", "due_at": "2025-10-08", "field": "Đất đai", "channel": "online"}
    await running.say(
        record("received", "A", "2025-10-01", agency="kinh-te", **facts),
        record("received", "B", "2025-10-01", agency="van-phong", **facts),
        record("completed", "A", "2025-10-08"),
    )
    opened = await said(running, "opened")
    assert [one for one in opened if one[0] in DEPARTMENTS] == Q4_AND_YEAR
    assert [one for one in opened if one[0] not in DEPARTMENTS] == [
        (who, period) for who in ("ttpvhcc", "ubnd") for period in ("2025", "2025-Q4")
    ]
    assert await said(running, "due") == []

    await advance(running, MONDAY)
    assert (await said(running, "due"), await said(running, "late")) == (Q4_AND_YEAR, [])
    refused = await post(running, "check", named("kinh-te"), 409)
    assert "cannot be checked: it is not handed in yet; next it is received" in refused["error"]
    paper = {"number": "45/BC-KT", "document_date": "2025-12-15", "figures": FIGURES}
    received = await post(running, "hand-in", named("kinh-te", **paper))
    assert (received["state"], received["handed_in_on"], received["late"]) == ("received", "2025-12-15", False)
    assert await post(running, "hand-in", named("kinh-te", **paper)) == received  # the same again is the same receipt
    other = await post(running, "hand-in", named("kinh-te", number="46/BC-KT"), 409)
    assert "was received on 15/12/2025 as number 45/BC-KT" in other["error"]
    assert await said(running, "received") == [("kinh-te", "2025-Q4")]

    target = await on_time(running)  # of those whose day is not over only the one that has come counts
    assert (target["hit"], target["base"], target["verdict"]) == (1, 1, "on_track")

    await advance(running, TUESDAY)
    late = [one for one in Q4_AND_YEAR if one != ("kinh-te", "2025-Q4")]
    assert await said(running, "late") == late
    [told] = [
        one
        for one in await running.messages(topology.REPORT, f"report.v1.{UNIT}.unit_report_late")
        if one["subject"] == "van-phong/ttpvhcc/II.06a/2025-Q4"
    ]
    assert told["time"] == "2025-12-16T00:00:00+07:00"
    assert {name: told["data"][name] for name in ("owed_by_vi", "period_vi", "from", "to", "due", "late", "state")} == {
        "owed_by_vi": "Văn phòng HĐND và UBND", "period_vi": "Quý IV/2025", "from": "2025-09-15", "to": "2025-12-14",
        "due": "2025-12-15", "late": True, "state": "opened",
    }  # fmt: skip
    # the paper of one came in time and was not recorded; the other's came late
    assert (await post(running, "hand-in", named("van-hoa-xa-hoi", on="2025-12-15")))["handed_in_on"] == "2025-12-15"
    overdue = await post(running, "hand-in", named("van-phong", figures={"c3": 5}))
    assert (overdue["handed_in_on"], overdue["late"]) == ("2025-12-16", True)
    await running.settled()
    assert await said(running, "late") == late

    beside = (await running.http.get("/v1/reports/owed", params=named("van-phong"))).json()
    assert (beside["counted"]["c3"], beside["counted"]["c11"], beside["differences"]) == (1, 1, {"c3": [5, 1]})
    differ = await post(running, "check", named("van-phong"), 409)
    assert "differs from the agency's own dossiers (c3: 5 said, 1 counted)" in differ["error"]
    noted = await post(running, "check", named("van-phong", note="tính cả hồ sơ nội bộ"))
    assert noted["checked"]["differences"] == {"c3": [5, 1]}
    assert (await post(running, "check", named("kinh-te")))["checked"]["differences"] == {}

    target = await on_time(running)
    # two of three quarter reports came by the 15th; Q3 fell due before anybody watched, the year's are another rung
    assert (target["hit"], target["base"], target["verdict"], target["missing"]) == (2, 3, "behind", None)

    closed = await close(running)
    assert closed["missing_reports"] == []
    assert (await close(running, period="2025"))["missing_reports"] == list(DEPARTMENTS)
    await running.settled()
    assert sorted([one for one in await owed_events(running) if one[2] == "2025-Q4"][-5:]) == [
        ("compiled", "kinh-te", "2025-Q4"),
        ("compiled", "ttpvhcc", "2025-Q4"),
        ("compiled", "ubnd", "2025-Q4"),
        ("compiled", "van-phong", "2025-Q4"),
        ("sent", "ubnd", "2025-Q4"),
    ]
    bus = await city(running)
    await bus.jetstream().publish(f"report.v1.{UNIT}.acknowledged", acknowledgement(closed))
    await bus.close()
    await running.settled()
    assert await said(running, "acknowledged") == [("ubnd", "2025-Q4")]
    assert (await post(running, "send", named("ubnd"), 404))["error"].endswith("handed over by hand")
    assert (await post(running, "acknowledge", named("ttpvhcc"), 409))["error"].endswith("next it is sent")
    for deed, state in (("send", "sent"), ("acknowledge", "acknowledged"), ("send", "acknowledged")):
        assert (await post(running, deed, named("ttpvhcc")))["state"] == state
    await running.settled()
    assert max(Counter(await owed_events(running)).values()) == 1
    await advance(running, "2025-12-16T10:00:00")
    assert (await post(running, "check", named("van-hoa-xa-hoi")))["state"] == "checked"
    await running.settled()  # checked after the closing: not in what was closed
    states = {one["owed_by"]: one["state"] for one in await calendar(running) if one["period"] == "2025-Q4"}
    assert states == {
        "kinh-te": "compiled", "van-phong": "compiled", "van-hoa-xa-hoi": "checked", "ttpvhcc": "acknowledged",
        "ubnd": "acknowledged",
    }  # fmt: skip

    alerts = (await running.http.get("/v1/alerts", params={"unit": UNIT, "limit": 1000})).json()
    told_of = Counter((one["rule"], one["role"]) for one in alerts if one["rule"].startswith("unit-report"))
    assert told_of == {
        ("unit-report-due", "phong-chuyen-mon"): 6,
        **{("unit-report-late", role): 5 for role in ("phong-chuyen-mon", "trung-tam", "lanh-dao")},
    }


async def test_a_restart_says_nothing_again_and_catches_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTCUA_OBLIGATIONS_SECONDS", "0.05")
    with new_folder() as data:
        async with inside(data, "2025-12-15") as one:
            await one.settled()
            assert await said(one, "due") == Q4_AND_YEAR
            before = await one.last(topology.REPORT)
        async with inside(data, "2025-12-15T17:00:00") as one:
            await one.settled()
            assert await one.last(topology.REPORT) == before
        async with inside(data, "2025-12-20") as one:  # nobody was there on the day itself
            await one.settled()
            assert await said(one, "late") == Q4_AND_YEAR
            times = {m["time"] for m in await one.messages(topology.REPORT, f"report.v1.{UNIT}.unit_report_late")}
            assert times == {"2025-12-16T00:00:00+07:00"}


async def test_what_fell_due_before_the_first_start_is_listed_and_nobody_is_called_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOTCUA_OBLIGATIONS_SECONDS", "0.05")
    with new_folder() as data:
        async with inside(data, "2026-02-02") as one:
            await one.settled()
            assert {period for _, _, period in await owed_events(one)} == {"2026", "2026-Q1"}
            listed = await calendar(one, **{"from": "2025-09-01", "to": "2025-12-31"})
            assert Counter(row["period"] for row in listed) == {"2025-Q3": 5, "2025-Q4": 5, "2025": 5}
            assert all("đến hạn trước khi hệ thống theo dõi" in row["warnings"] for row in listed)
            # said later than it happened, but it happened: then it counts
            received = await post(one, "hand-in", named("kinh-te", "2025-Q3", on="2025-09-17"))
            assert (received["state"], received["late"]) == ("received", False)
            await one.settled()
            assert await said(one, "late") == []


MOMENTS = (
    ("take_to_remind", False, "2025-12-15"),
    ("take_overdue", True, "2025-12-16"),
    ("change", False, "2026-03-13"),  # a Friday: nobody reads a reminder on Sunday the 15th
    ("change", True, "2026-03-16"),
    ("add", False, "2026-06-15"),
    ("add", True, "2026-06-16"),
    ("take_to_remind", True, "2026-09-15"),
    ("take_overdue", False, "2026-09-16"),
)
"""Which step is cut off three times, before or after it is done, and the day on which it has something to say."""


async def test_cut_off_anywhere_and_said_by_several_it_is_said_once(running: Inside) -> None:
    quarters = [(who, code) for who in DEPARTMENTS for code in ("2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3")]
    for step, after, day in MOMENTS:
        with pytest.MonkeyPatch.context() as patch:
            cuts = cut_off(patch, step, after=after)
            await advance(running, f"{day}T00:00:00")
            assert cuts == [3], (step, after)
    year = [(who, "2025") for who in DEPARTMENTS]
    assert (await said(running, "due"), await said(running, "late")) == (sorted(quarters + year),) * 2

    watch = watcher(running)
    others = [
        WatchObligations(
            watch._database, watch._clock, watch._book, watch._calendar, watch._units, watch._periods, watch._poke,
            stale_after=3, every=1,
        )
        for _ in range(3)
    ]  # fmt: skip
    for day in ("2026-12-15T00:00:00", "2026-12-16T00:00:00"):
        running.clock.advance(at(day))
        await asyncio.gather(watch(), *(one() for one in others), *(one() for one in others))
    await running.settled()
    last = [(who, code) for who in DEPARTMENTS for code in ("2026", "2026-Q4")]
    assert (await said(running, "due"), await said(running, "late")) == (sorted(quarters + year + last),) * 2
    assert max(Counter(await owed_events(running)).values()) == 1

    await advance(running, "2027-03-17")  # nobody looked on the due day: what is late is not said to fall due
    assert [
        (one[0], one[2]) for one in await owed_events(running) if one[2] == "2027-Q1" and one[0] in ("due", "late")
    ] == [("late", "2027-Q1")] * 3


def cut_off(patch: pytest.MonkeyPatch, step: str, *, after: bool) -> list[int]:
    """Let a step of the watch fail three times; returns the list that counts them."""
    where: Any = outbox if step == "add" else repository
    real, cuts = getattr(where, step), [0]

    async def failing(*given: Any, **more: Any) -> Any:
        ours = step != "add" or any("unit_report_" in one.subject for one in given[1])
        if not ours or cuts[0] == 3:
            return await real(*given, **more)
        cuts[0] += 1
        if after:
            await real(*given, **more)
        raise ConnectionError("cut off")

    patch.setattr(where, step, failing)
    return cuts


async def test_rules_that_change_are_followed_until_somebody_is_late(running: Inside) -> None:
    watch = watcher(running)
    file = watch._book._file
    by_id = {one.id: one for one in file.obligations}
    later = by_id["bg-department"].model_copy(update={"due": by_id["bg-department"].due.model_copy(update={"day_of_month": 20})})  # type: ignore[union-attr]  # fmt: skip
    dated = by_id["bg-city"].model_copy(update={"due": later.due})
    kept = [one for one in file.obligations if one.id not in ("bg-department-year", "default-department-year")]
    changed = [{later.id: later, dated.id: dated}.get(one.id, one) for one in kept]
    book = type(watch._book)(file.model_copy(update={"obligations": changed}))
    running.clock.advance(at("2025-12-14T20:00:00"))
    watch._book, watch._opened = book, {}
    await running.settled()
    assert await said(running, "cancelled") == [(who, "2025") for who in DEPARTMENTS]
    rescheduled = sorted([*((who, "2025-Q4") for who in DEPARTMENTS), ("ubnd", "2025"), ("ubnd", "2025-Q4")])
    assert await said(running, "rescheduled") == rescheduled
    await advance(running, TUESDAY)
    assert await said(running, "late") == []
    refused = await post(running, "hand-in", named("kinh-te", "2025"), 409)
    assert "it is not owed any more; the rules do not ask for it since" in refused["error"]
    await advance(
        running, "2025-12-21T00:00:00"
    )  # a Sunday; the city's report has a date now, and is late like any other
    assert await said(running, "late") == rescheduled


async def test_a_city_hears_owed_reports_beside_the_published_ones(monday: Inside) -> None:
    bus = await city(monday)
    subscription = await bus.jetstream().pull_subscribe_bind(topology.CITY, topology.REPORT)

    async def heard() -> Any:
        return [one.subject for one in await subscription.fetch(50, timeout=1)]

    subjects = await until(heard, "the opened reports")
    await bus.close()
    assert set(subjects) == {f"report.v1.{UNIT}.unit_report_{event}" for event in ("opened", "due")}


async def test_a_unit_that_no_entry_names_owes_from_its_first_dossier_on(monday: Inside) -> None:
    other = "10510"
    assert await owed_events(monday, other) == []
    facts = {"received_at": "2025-12-01", "due_at": "2025-12-20", "unit": other}
    await monday.say(record("received", "C", "2025-12-01", **facts))
    assert {who for event, who, _ in await owed_events(monday, other) if event == "opened"} == {
        *DEPARTMENTS, "ttpvhcc", "ubnd",
    }  # fmt: skip
    coming = await calendar(monday, other, **{"from": "2026-03-01", "to": "2026-03-31"})
    assert [(one["owed_by"], one["state"], one["due"]) for one in coming if one["period"] == "2026-Q1"] == [
        *((who, "opened", "2026-03-15") for who in DEPARTMENTS),
        ("ttpvhcc", "opened", None),
        ("ubnd", "opened", None),
    ]
    later = await calendar(monday, other, **{"from": "2026-06-15", "to": "2026-06-15"})
    assert [(one["owed_by"], one["state"]) for one in later] == [
        (who, "planned") for who in (*DEPARTMENTS, "ttpvhcc", "ubnd")
    ]
    assert {one["warnings"][0] for one in coming if one["owed_by"] == "kinh-te"} == {
        "15/03/2026 là Chủ nhật, văn bản không nói dời hạn"
    }
    assert all("giả định" in one["warnings"] for one in coming)


async def test_receipts_that_cannot_be_are_refused_in_words(monday: Inside) -> None:
    for body, status, why in (
        (named("kinh-te", "2026-Q2"), 404, "the period begins on 15/03/2026"),
        (named("kinh-te", "2025-Q2"), 400, "was over when the unit was founded"),
        (named("kinh-te", "2025-Q9"), 400, "unknown period '2025-Q9'"),
        (named("kinhte"), 404, "unknown agency; known: kinh-te, lanh-dao"),
        (named("kinh-te", form="II.99"), 404, "owed no report kinh-te/…/II.99/2025-Q4"),
        (named("kinh-te", to="thanh-pho"), 404, "owed no report kinh-te/thanh-pho/II.06a/2025-Q4"),
        (named("ubnd"), 409, "a report of a unit goes opened → compiled → sent → acknowledged"),
        (named("kinh-te", on="2025-12-16"), 400, "today is 15/12/2025"),
        (named("kinh-te", on="2025-12-13"), 400, "it cannot be handed in on 13/12/2025"),
        (named("kinh-te", figures={"c99": 1}), 422, "unknown columns c99"),
        (named("kinh-te", figures={"c3": -1}), 422, "greater than or equal to 0"),
        (named("kinh-te", number="x\0"), 422, "pattern"),
        ({**named("kinh-te"), "unit": "99999"}, 404, "unknown unit '99999'"),
    ):
        answer = await monday.http.post("/v1/reports/owed/hand-in", json=body)
        assert (answer.status_code, why in answer.text) == (status, True), answer.text
    early = await monday.http.post("/v1/reports/owed/hand-in", json=named("kinh-te", "2026-Q1"))
    assert early.status_code == 400 and "about the days until 14/03/2026" in early.text
    for window, why in (
        ({"from": "2026-01-01", "to": "2025-01-01"}, "swap --from and --to"),
        ({"from": "2025-01-01", "to": "2035-01-01"}, "more than three years"),
    ):
        answer = await monday.http.get("/v1/reports/calendar", params={"unit": UNIT, **window})
        assert answer.status_code == 400 and why in answer.text


async def test_a_token_acts_for_its_own_unit_and_agency_only(monday: Inside) -> None:
    path = monday.data / "secrets" / "tokens.json"
    parties = {
        "kt": {"name": "kinh-te-binh-giang", "units": [UNIT], "roles": ["agency:kinh-te"]},
        "td": {"name": "thanh-dong", "units": ["10510"], "roles": ["reporter", "agency:kinh-te"]},
    }
    known = json.loads(path.read_text())
    path.write_text(json.dumps(known | {hashlib.sha256(k.encode()).hexdigest(): v for k, v in parties.items()}))

    async def as_(token: str, deed: str, body: dict[str, Any]) -> tuple[int, str]:
        async with httpx.AsyncClient(base_url=monday.system.url, headers={"Authorization": f"Bearer {token}"}) as http:
            answer = await http.post(f"/v1/reports/owed/{deed}", json=body)
            return answer.status_code, answer.json().get("error", "")

    assert (await as_("td", "hand-in", named("kinh-te")))[0] == 403
    assert (await as_("td", "check", named("kinh-te")))[0] == 403
    status, why = await as_("kt", "hand-in", named("van-phong"))
    assert status == 403 and "'agency:van-phong', is needed" in why
    status, why = await as_("kt", "hand-in", named("kinh-te", on="2025-12-14"))
    assert status == 400 and "only the centre may say that the paper came earlier" in why
    assert (await as_("kt", "hand-in", named("kinh-te", number="45/BC-KT")))[0] == 200
    assert (await as_("kt", "hand-in", named("kinh-te", number="47/BC-KT", correct=True)))[0] == 200
    assert (await as_("kt", "check", named("kinh-te")))[0] == 403
    async with httpx.AsyncClient(base_url=monday.system.url, headers={"Authorization": "Bearer td"}) as http:
        assert (await http.get("/v1/reports/calendar", params={"unit": UNIT})).status_code == 403
        assert (await http.get("/v1/reports/owed", params=named("kinh-te"))).status_code == 403
    fixed = {"number": "47/BC-KT", "on": "2025-12-14", "correct": True}  # the centre states another day
    assert (await post(monday, "hand-in", named("kinh-te", **fixed)))["handed_in_on"] == "2025-12-14"
    [one] = [row for row in await calendar(monday) if (row["owed_by"], row["period"]) == ("kinh-te", "2025-Q4")]
    assert (one["document"]["number"], one["received_by"]) == ("47/BC-KT", "operator")


async def test_a_report_on_request_and_the_closing_of_its_window(monday: Inside) -> None:
    await two_dossiers(monday)
    await advance(monday, "2026-06-16")
    asked = {"unit": UNIT, "from": "phong-chuyen-mon", "begin": "2026-01-01", "end": "2026-06-15", "document": "CV 12"}
    rows = await post(monday, "request", asked)
    assert [(one["owed_by"], one["due"], one["state"]) for one in rows] == [
        (who, "2026-06-18", "opened") for who in DEPARTMENTS
    ]
    again = await post(monday, "request", {**asked, "due": "2026-06-30"})
    assert [one["due"] for one in again] == ["2026-06-18"] * 3
    window = "2026-01-01--2026-06-15"
    [own] = await post(monday, "request", {**asked, "from": "ubnd"})
    assert own["due"] is None
    await post(monday, "hand-in", named("kinh-te", window))
    closed = await close(monday, period=window)
    assert (closed["begin"], closed["end"]) == ("2026-01-01", "2026-06-15")
    assert closed["missing_reports"] == ["van-hoa-xa-hoi", "van-phong"]
    for code, begin, end in (("2026-6M", "2025-12-15", "2026-06-14"), ("2025-9M", "2025-07-01", "2025-09-14")):
        closed = await close(monday, period=code)
        assert (closed["begin"], closed["end"]) == (begin, end)
    await monday.settled()
    assert ("ubnd", window) in await said(monday, "sent")
    for wrong, status, why in (
        ({"begin": "2026-06-15", "end": "2026-01-01"}, 400, "ends on 01/01/2026 before it starts on 15/06/2026"),
        ({"begin": "2025-01-01", "end": "2025-03-31"}, 400, "was over when the unit was founded, 01/07/2025"),
        ({"due": "2026-06-01"}, 400, "cannot be due on 01/06/2026"),
        ({"from": "ttpvhcc"}, 404, "no ad_hoc entry of obligations.yaml"),
        ({"unit": "99999"}, 404, "unknown unit '99999'"),
        ({"document": ""}, 422, "at least 1 character"),
    ):
        answer = await monday.http.post("/v1/reports/owed/request", json={**asked, **wrong})
        assert (answer.status_code, why in answer.text) == (status, True), answer.text
    for code, why in (
        ("2026-9M", "ends on 2026-09-14 and today is 2026-06-16"),
        ("2025-6M", "was over when the unit was founded"),
        ("2026-02-01--2026-01-01", "swap them"),
    ):
        answer = await monday.http.post("/v1/reports/close", json={"unit": UNIT, "period": code})
        assert answer.status_code in (400, 409) and why in answer.text
