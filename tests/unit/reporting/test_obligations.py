"""Due days by hand, the order of a report's life, and what a mistaken obligations.yaml is told."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.reporting.obligations.domain import (
    OutOfOrder,
    WrongDay,
    check_day,
    check_order,
    differences,
    due_day,
    is_watched,
    owe,
    owed_between,
)
from services.reporting.obligations.rules import Due, Obligations, load_obligations
from shared.events.owed_reports import OwedReportEvent as Event
from shared.periods import Period, load_period_rules, period
from shared.rules import RuleError
from shared.settings import RULES
from shared.units import load_units
from shared.workdays import load_calendar

UNITS, PERIODS, CALENDAR = load_units(RULES), load_period_rules(RULES), load_calendar(RULES)
FOUNDED = date(2025, 7, 1)
BOOK = load_obligations(RULES, UNITS, PERIODS)


def on(text: str) -> date:
    day, month, year = map(int, text.split("/"))
    return date(year, month, day)


def days(code: str) -> Period:
    return period(code, PERIODS, FOUNDED)


@pytest.mark.parametrize(
    ("code", "policy", "due", "warnings"),
    [
        ("2025-Q3", "none", "15/09/2025", []),  # Monday
        ("2025-Q4", "none", "15/12/2025", []),  # Monday
        ("2026-Q1", "none", "15/03/2026", ["15/03/2026 là Chủ nhật, văn bản không nói dời hạn"]),
        ("2026-Q1", "next", "16/03/2026", ["15/03/2026 là Chủ nhật, hạn chuyển sang 16/03/2026"]),
        (
            "2026-Q1",
            "previous",
            "13/03/2026",
            ["15/03/2026 là Chủ nhật, hạn chuyển sang 13/03/2026", "hạn 13/03/2026 trước ngày chốt số liệu 14/03/2026"],
        ),
        ("2026-Q2", "next", "15/06/2026", []),  # Monday
        ("2025", "none", "15/12/2025", []),
        ("2026-6M", "none", "15/06/2026", []),
        ("2026-9M", "none", "15/09/2026", []),  # Tuesday
    ],
)
def test_departments_are_due_by_the_15th_of_the_last_month(
    code: str, policy: Any, due: str, warnings: list[str]
) -> None:
    found = due_day(Due(day_of_month=15, if_nonworking=policy), days(code), CALENDAR)
    assert found == (on(due), warnings)


@pytest.mark.parametrize(
    ("code", "working_days", "due"),
    [
        ("2025-Q4", 2, "16/12/2025"),  # closing Sunday 14/12: Monday, Tuesday
        ("2026-Q1", 2, "17/03/2026"),  # closing Saturday 14/03: Monday 16, Tuesday 17
        ("2025-12-01--2025-12-31", 1, "05/01/2026"),  # 01/01 holiday, Friday 02/01 swapped off, weekend
        ("2025-12-01--2025-12-31", 5, "09/01/2026"),
        ("2025-12-01--2025-12-31", 6, "10/01/2026"),  # the Saturday that is worked instead of 02/01
        ("2025-12-01--2025-12-31", 7, "12/01/2026"),
    ],
)
def test_working_days_after_closing_know_holidays_and_swapped_days(code: str, working_days: int, due: str) -> None:
    assert due_day(Due(working_days_after_closing=working_days), days(code), CALENDAR) == (on(due), [])


def test_a_due_day_that_is_a_swapped_saturday_is_a_working_day() -> None:
    saturday = Period(code="x", kind=days("2026").kind, begin=on("01/12/2025"), end=on("05/01/2026"))
    assert due_day(Due(day_of_month=10), saturday, CALENDAR) == (on("10/01/2026"), [])
    assert due_day(Due(day_of_month=11, if_nonworking="previous"), saturday, CALENDAR)[0] == on("10/01/2026")
    holiday = Period(code="x", kind=days("2026").kind, begin=on("01/12/2025"), end=on("15/04/2026"))
    due, warnings = due_day(Due(day_of_month=30, if_nonworking="next"), holiday, CALENDAR)
    assert due == on("04/05/2026") and "Ngày Chiến thắng" in warnings[0]  # 30/04 and 01/05, then a weekend


@pytest.mark.parametrize(
    ("due", "before", "said"),
    [
        ("15/12/2025", 0, "15/12/2025"),
        ("15/12/2025", 2, "11/12/2025"),
        ("15/03/2026", 0, "13/03/2026"),  # nobody reads it on a Sunday
        ("15/03/2026", 1, "13/03/2026"),
    ],
)
def test_a_reminder_comes_when_the_due_day_begins_or_so_many_working_days_before(
    due: str, before: int, said: str
) -> None:
    agency, rung = next(BOOK.in_force("10966", days("2025-Q4").kind, on("14/12/2025")))
    changed = rung.model_copy(update={"remind_working_days_before": before})
    owed = owe("10966", agency, changed, days("2025-Q4"), CALENDAR, on(due))
    assert owed.remind_on == on(said)


def test_binh_giang_owes_what_its_plan_says() -> None:
    owed = list(owed_between(BOOK, PERIODS, CALENDAR, "10966", FOUNDED, FOUNDED, on("14/12/2025")))
    told = [(one.code, one.period.begin, one.due_on, one.assumed) for one in owed]
    quarter = [
        (f"{agency}/ttpvhcc/II.06a/2025-Q{number}", on(begin), on(due), False)
        for number, begin, due in ((3, "01/07/2025", "15/09/2025"), (4, "15/09/2025", "15/12/2025"))
        for agency in ("van-phong", "kinh-te", "van-hoa-xa-hoi")
    ]
    year = [
        (f"{agency}/ttpvhcc/II.06a/2025", on("01/07/2025"), on("15/12/2025"), True)
        for agency in ("van-phong", "kinh-te", "van-hoa-xa-hoi")
    ]
    above = [
        (f"{who}/II.06a/{code}", on(begin), None, False)
        for code, begin in (("2025-Q3", "01/07/2025"), ("2025-Q4", "15/09/2025"), ("2025", "01/07/2025"))
        for who in ("ttpvhcc/lanh-dao", "ubnd/thanh-pho")
    ]
    assert sorted(told) == sorted([*quarter, *year, *above])
    [city] = {one.warnings for one in owed if one.owed_to == "thanh-pho"}
    assert city == ("chưa có ngày: theo quy định",)
    others = list(owed_between(BOOK, PERIODS, CALENDAR, "10510", FOUNDED, FOUNDED, on("14/12/2025")))
    assert [one.code for one in others] == [one.code for one in owed]
    assert all(one.assumed for one in others)


@pytest.mark.parametrize(
    ("due", "today", "watched"),
    [
        ("15/12/2025", "15/12/2025", True),
        ("15/12/2025", "18/12/2025", True),  # third working day after
        ("15/12/2025", "19/12/2025", False),
        ("15/09/2025", "15/12/2025", False),
        (None, "16/12/2025", True),  # without a date: counted from the day after the closing
        (None, "01/03/2026", False),
    ],
)
def test_what_fell_due_long_before_it_was_recorded_makes_nobody_late(
    due: str | None, today: str, watched: bool
) -> None:
    assert is_watched(on(due) if due else None, on("14/12/2025"), on(today), CALENDAR, 3) is watched


def row(state: str, kind: str = "department") -> dict[str, Any]:
    return {"code": "kinh-te/ttpvhcc/II.06a/2026-Q1", "state": state, "owed_by_kind": kind, "end": on("14/03/2026"), "due_on": on("15/03/2026")}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "kind", "wanted"),
    [
        ("opened", "department", Event.RECEIVED),
        ("received", "department", Event.CHECKED),
        ("checked", "department", Event.COMPILED),
        ("opened", "unit", Event.COMPILED),
        ("compiled", "centre", Event.SENT),
        ("sent", "unit", Event.ACKNOWLEDGED),
    ],
)
def test_the_steps_in_order(state: str, kind: str, wanted: Event) -> None:
    check_order(row(state, kind), wanted)


@pytest.mark.parametrize(
    ("state", "kind", "wanted", "said"),
    [
        ("opened", "department", Event.CHECKED, "cannot be checked: it is not handed in yet; next it is received"),
        ("checked", "department", Event.RECEIVED, "cannot be received: it is checked; next it is compiled"),
        ("compiled", "department", Event.CHECKED, "nothing follows"),
        ("received", "department", Event.SENT, "a report of a department goes opened → received → checked → compiled"),
        ("opened", "unit", Event.RECEIVED, "a report of a unit goes opened → compiled → sent → acknowledged"),
        ("opened", "centre", Event.SENT, "next it is compiled"),
        ("cancelled", "department", Event.RECEIVED, "the rules do not ask for it since"),
    ],
)
def test_a_step_out_of_order_is_refused_in_words(state: str, kind: str, wanted: Event, said: str) -> None:
    with pytest.raises(OutOfOrder, match=said):
        check_order(row(state, kind), wanted)


def test_a_report_comes_neither_before_its_period_is_over_nor_in_the_future() -> None:
    check_day(row("opened"), on("14/03/2026"), on("16/03/2026"))
    check_day(row("opened") | {"due_on": on("13/03/2026")}, on("13/03/2026"), on("13/03/2026"))
    with pytest.raises(WrongDay, match="about the days until 14/03/2026; it cannot be handed in on 13/03/2026"):
        check_day(row("opened"), on("13/03/2026"), on("16/03/2026"))
    with pytest.raises(WrongDay, match="today is 16/03/2026"):
        check_day(row("opened"), on("17/03/2026"), on("16/03/2026"))


def test_only_columns_that_were_confirmed_are_compared() -> None:
    assert differences({"c3": 12, "c10": 0}, {"c3": 14, "c7": 9, "c10": 0}) == {"c3": [12, 14]}
    assert differences(None, {"c3": 14}) == {}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    shutil.copytree(RULES, tmp_path / "rules")
    return tmp_path / "rules"


HEAD = """parties:
  ttpvhcc: {kind: centre, name_vi: Trung tâm}
  kinh-te: {kind: department, name_vi: Phòng Kinh tế}
groups: {phong: [kinh-te]}
obligations:
"""
GOOD = '{id: a, rung: r, units: ["10966"], from: phong, to: ttpvhcc, form: II.06a, periods: [quarter], due: {day_of_month: 15}, valid_from: 2025-07-01, source: s}'


def refusals(rules: Path, *entries: str, head: str = HEAD) -> list[tuple[int, str, str]]:
    text = head + "".join(f"  - {one}\n" for one in entries)
    (rules / "obligations.yaml").write_text(text, "utf-8")
    with pytest.raises(RuleError) as refused:
        load_obligations(rules, UNITS, PERIODS)
    assert all(one.file.endswith("obligations.yaml") for one in refused.value.problems)
    return [(one.line, one.field, one.reason) for one in refused.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ("from: phong", "from: kinhte", "from", "unknown agency or group 'kinhte' (known: kinh-te, phong, ttpvhcc)"),
        ("to: ttpvhcc", "to: city", "to", "unknown receiver 'city'"),
        ("form: II.06a", "form: II.99", "form", "unknown form 'II.99' (known: "),
        ("[quarter]", "[month]", "periods[0]", "'quarter', 'six_months', 'nine_months', 'year' or 'ad_hoc'"),
        ("[quarter]", "[]", "periods", "at least 1 item"),
        ('"10966"', '"99999"', "units[0]", "no unit has the code '99999'"),
        ("day_of_month: 15", "day_of_month: 31", "due.day_of_month", "does not exist in June and September"),
        ("day_of_month: 15", "day_of_month: 14", "due.day_of_month", "lies before the figures close, on the 14th"),
        ("[quarter]", "[ad_hoc]", "due.day_of_month", "an ad-hoc window has no last month"),
        ("day_of_month: 15", "if_nonworking: next", "due", "needs either day_of_month or working_days_after_closing"),
        ("day_of_month: 15", "day_of_month: 15, if_nonworking: skip", "due.if_nonworking", "'previous', 'next' or 'none'"),
        ("day_of_month: 15", "working_days_after_closing: 0", "due.working_days_after_closing", "greater than or equal to 1"),
        ("source: s", "source: s, valid_to: 2025-06-30", "", "valid_to 2025-06-30 lies before valid_from 2025-07-01"),
        (", source: s", "", "source", "is missing"),
        ("rung: r", "rung: r, day: 3", "day", "is not a field known here"),
    ],
)  # fmt: skip
def test_a_mistaken_obligation_is_refused_with_line_and_field(
    rules: Path, old: str, new: str, field: str, reason: str
) -> None:
    other = GOOD.replace("id: a", "id: first").replace('"10966"', '"10510"')
    [(line, named, said)] = refusals(rules, other, GOOD.replace(old, new, 1))
    assert (line, named) == (7, f"obligations[1].{field}".removesuffix("."))
    assert reason in said


def test_two_entries_for_one_report_and_a_group_of_nobody_are_refused(rules: Path) -> None:
    [(line, field, reason)] = refusals(rules, GOOD, GOOD.replace("id: a", "id: b").replace("phong", "kinh-te"))
    assert (line, field) == (7, "obligations[1].id")
    assert reason == "says again what 'a' says of kinh-te and quarter (end one with valid_to)"
    [(line, field, reason)] = refusals(rules, GOOD, GOOD.replace('"10966"', '"10510"'))
    assert (line, reason) == (7, "'a' stands twice (give each obligation its own id)")
    [(line, field, reason), *_] = refusals(rules, GOOD, head=HEAD.replace("[kinh-te]", "[kinh-te, nobody]"))
    assert (line, field) == (4, "groups.phong[1]") and "unknown agency 'nobody'" in reason


def test_a_later_text_takes_over_when_the_earlier_one_ends(rules: Path) -> None:
    first = GOOD.replace("source: s", "source: s, valid_to: 2025-12-31")
    second = GOOD.replace("id: a", "id: b").replace("2025-07-01", "2026-01-01").replace("15}", "20}")
    (rules / "obligations.yaml").write_text(f"{HEAD}  - {second}\n  - {first}\n", "utf-8")
    book: Obligations = load_obligations(rules, UNITS, PERIODS)
    owed = owed_between(book, PERIODS, CALENDAR, "10966", FOUNDED, FOUNDED, on("15/12/2025"))
    assert [(one.period.code, one.due_on) for one in owed] == [
        ("2025-Q3", on("15/09/2025")),
        ("2025-Q4", on("15/12/2025")),
        ("2026-Q1", on("20/03/2026")),
    ]
