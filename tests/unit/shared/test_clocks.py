"""Clocks: the vectors of the law by hand, and a second implementation that walks minute by minute."""

from __future__ import annotations

import importlib.util
import random
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clocks import Clock, Counting, DueTime, NonworkingReceipt, OnPause, Pause, fits
from shared.limits import Limit, LimitUnit, UnreadableLimit, parse_limits
from shared.localtime import LOCAL
from shared.workdays import load_calendar

RULES = Path(__file__).parents[3] / "deploy" / "rules"
calendar = load_calendar(RULES)
_spec = importlib.util.spec_from_file_location("naive_clocks", Path(__file__).with_name("naive_clocks.py"))
assert _spec is not None and _spec.loader is not None
naive = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(naive)


def at(text: str) -> datetime:
    """`31/10/2025 16:00`, local time."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=LOCAL)


def clock(limit: str, **ways: object) -> Clock:
    return replace(Clock(calendar=calendar, limit=parse_limits(limit)[0]), **ways)  # type: ignore[arg-type]


def pause(began: str, ended: str | None = None) -> Pause:
    return Pause(began_at=at(began), ended_at=at(ended) if ended else None)


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        ("29/04/2025", 2, "06/05/2025"),
        ("29/08/2025", 3, "05/09/2025"),
        ("31/12/2025", 3, "07/01/2026"),
        ("09/01/2026", 1, "10/01/2026"),
        ("13/02/2026", 5, "27/02/2026"),
        ("24/04/2026", 1, "28/04/2026"),
        ("21/08/2026", 1, "22/08/2026"),
        ("28/08/2026", 3, "07/09/2026"),
        ("23/11/2026", 1, "25/11/2026"),
    ],
)
def test_working_days_skip_holidays_and_use_worked_saturdays(received: str, days: int, due: str) -> None:
    assert clock(f"{days} ngày làm việc").read(at(f"{received} 08:30")).due_at == at(f"{due} 17:00")


def test_eight_working_hours_are_more_than_one_day_of_seven_and_a_half() -> None:
    assert clock("08 giờ làm việc").read(at("31/10/2025 16:00")).due_at == at("03/11/2025 16:30")


@pytest.mark.parametrize(
    ("policy", "due"),
    [(NonworkingReceipt.AS_IS, "10/11/2025"), (NonworkingReceipt.NEXT_WORKING_DAY, "11/11/2025")],
)
def test_a_reception_on_a_saturday_counts_from_it_or_from_the_next_working_day(
    policy: NonworkingReceipt, due: str
) -> None:
    found = clock("1 ngày làm việc", counting=Counting(nonworking_receipt=policy)).read(at("08/11/2025 09:00"))
    assert found.due_at == at(f"{due} 17:00")


@pytest.mark.parametrize(
    ("limit", "received", "due"),
    [
        ("trong ngày", "04/11/2025 15:00", "04/11/2025 17:00"),
        ("trong ngày", "04/11/2025 15:01", "05/11/2025 17:00"),
        ("trong ngày", "07/11/2025 15:30", "10/11/2025 17:00"),
        ("trong ngày", "08/11/2025 09:00", "10/11/2025 17:00"),
        ("15 ngày", "03/11/2025 08:30", "18/11/2025 17:00"),
        ("5 ngày", "03/11/2025 08:30", "10/11/2025 17:00"),  # the 8th is a Saturday
        ("1 giờ", "04/11/2025 11:00", "04/11/2025 12:00"),
        ("1 giờ làm việc", "04/11/2025 11:00", "04/11/2025 14:00"),
        ("1 tháng", "31/01/2026 08:00", "02/03/2026 17:00"),  # 28/02/2026 is a Saturday
    ],
)
def test_every_unit_counts_in_its_own_way(limit: str, received: str, due: str) -> None:
    assert clock(limit).read(at(received)).due_at == at(due)


def test_the_day_of_reception_and_the_hour_of_the_last_day_are_settings() -> None:
    counted = Counting(count_receipt_day=True)
    assert clock("3 ngày làm việc", counting=counted).read(at("03/11/2025 08:30")).due_at == at("05/11/2025 17:00")
    same_hour = Counting(due_time=DueTime.SAME_HOUR)
    assert clock("3 ngày làm việc", counting=same_hour).read(at("03/11/2025 08:30")).due_at == at("06/11/2025 08:30")


def test_a_pause_keeps_what_is_left_of_the_working_time() -> None:
    # from Tuesday 10:00 to Thursday 17:00 there are 300 + 450 + 450 office minutes
    waits = clock("3 ngày làm việc").read(at("03/11/2025 08:30"), [pause("04/11/2025 10:00")])
    assert (waits.due_at, waits.left_minutes) == (None, 1200)
    goes_on = clock("3 ngày làm việc").read(at("03/11/2025 08:30"), [pause("04/11/2025 10:00", "06/11/2025 15:00")])
    # Thursday 120, Friday 450, Monday 450: 180 are left for Tuesday
    assert goes_on.due_at == at("11/11/2025 10:30")


def test_a_restart_begins_the_limit_or_its_special_one_anew() -> None:
    waited = [pause("04/11/2025 10:00", "06/11/2025 15:00")]
    restart = clock("10 ngày làm việc", on_pause=OnPause.RESTART)
    assert restart.read(at("03/11/2025 08:30"), waited).due_at == at("20/11/2025 17:00")
    special = replace(restart, restart_limit=Limit(6, LimitUnit.WORKING_DAY))
    assert special.read(at("03/11/2025 08:30"), waited).due_at == at("14/11/2025 17:00")


def test_a_pause_over_a_holiday_costs_no_working_time() -> None:
    # 31/08 to 02/09/2026 are off: whoever waits over them waits no office minute
    begun, waited = at("27/08/2026 09:00"), [pause("28/08/2026 17:00", "03/09/2026 07:30")]
    assert clock("3 ngày làm việc").read(begun, waited).due_at == clock("3 ngày làm việc").read(begun).due_at


def test_a_calendar_limit_runs_on_in_elapsed_time() -> None:
    waited = [pause("05/11/2025 09:00", "07/11/2025 09:00")]
    assert clock("10 ngày").read(at("03/11/2025 08:30"), waited).due_at == at("17/11/2025 17:00")  # 15/11 is a Saturday


def test_lateness_before_a_pause_is_not_forgiven_by_it() -> None:
    late = [pause("05/11/2025 09:30", "10/11/2025 09:30")]
    # due Tuesday 17:00, asked 120 office minutes later, so over 120 office minutes before the answer
    assert clock("1 ngày làm việc").read(at("03/11/2025 08:30"), late).due_at == at("10/11/2025 07:30")


def test_a_limit_without_a_unit_is_never_counted() -> None:
    with pytest.raises(ValueError, match="no unit"):
        clock("3").read(at("03/11/2025 08:30"))


def test_a_promise_fits_any_case_of_its_procedure() -> None:
    readings = [clock(limit).read(at("03/11/2025 08:30")) for limit in ("3 ngày làm việc", "23 ngày")]
    assert fits(date(2025, 11, 6), readings) and fits(date(2025, 11, 26), readings)
    assert not fits(date(2025, 11, 7), readings)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("05 ngày", [(5, "day")]),
        ("05 Ngày làm việc", [(5, "working_day")]),
        ("8 Giờ", [(8, "hour")]),
        ("08 giờ làm việc", [(8, "working_hour")]),
        ("1", [(1, "unknown")]),
        ("120,000", [(120000, "unknown")]),
        ("5 / 30 ngày làm việc", [(5, "working_day"), (30, "working_day")]),
        ("2 Ngày làm việc/7 Ngày làm việc/1 Giờ", [(2, "working_day"), (7, "working_day"), (1, "hour")]),
        ("Không có thông tin", []),
        ("trong ngày", [(0, "same_day")]),
    ],
)
def test_a_published_time_is_read_with_its_unit(text: str, limits: list[tuple[int, str]]) -> None:
    assert [(one.amount, one.unit.value) for one in parse_limits(text)] == limits


@pytest.mark.parametrize("text", ["ngay", "5 năm", "-3 ngày", "1.5 ngày", "5 ngày làm việc hoặc hơn"])
def test_a_text_that_states_no_limit_is_refused(text: str) -> None:
    with pytest.raises(UnreadableLimit, match="is no limit"):
        parse_limits(text)


UNITS = {
    "working_day": (1, 30), "day": (1, 60), "working_hour": (1, 40), "hour": (1, 72), "month": (1, 2), "same_day": (0, 0),
}  # fmt: skip
FIRST, LAST = naive.to_minute(at("05/12/2025 00:00")), naive.to_minute(at("01/08/2026 00:00"))


def a_limit(chance: random.Random) -> tuple[int, str]:
    unit = chance.choice(list(UNITS))
    return chance.randint(*UNITS[unit]), unit


def some_pauses(chance: random.Random, start: int) -> list[tuple[int, int]]:
    pauses, minute = list[tuple[int, int]](), start
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        began = minute + chance.randint(0, 6 * 1440)
        minute = began + chance.randint(0, 12 * 1440)
        pauses.append((began, minute))
    return pauses


def test_the_table_of_the_naive_clock_is_what_walking_gives() -> None:
    chance = random.Random(3)
    for _ in range(500):
        start, minutes = chance.randint(FIRST, LAST), chance.randint(-900, 900)
        assert naive.after_working(start, minutes) == naive.after_working_by_walking(start, minutes)


def a_disagreement(chance: random.Random) -> object:
    """One dossier drawn by `chance`, judged by both clocks: what they differ about, or `None`."""
    limit, again = a_limit(chance), chance.choice((None, a_limit(chance)))
    start = chance.randint(FIRST, LAST)
    pauses = some_pauses(chance, start)
    how = {
        "count_receipt_day": chance.random() < 0.3,
        "due_time": chance.choice(("end_of_day", "same_hour")),
        "nonworking_receipt": chance.choice(("as_is", "next_working_day")),
    }
    expected = naive.to_instant(naive.due(limit, start, pauses, how, again))
    found = Clock(
        calendar=calendar,
        limit=Limit(limit[0], LimitUnit(limit[1])),
        counting=Counting(
            count_receipt_day=bool(how["count_receipt_day"]),
            due_time=DueTime(how["due_time"]),
            nonworking_receipt=NonworkingReceipt(how["nonworking_receipt"]),
            same_day_until=time(15),
        ),
        on_pause=OnPause.RESUME if again is None else OnPause.RESTART,
        restart_limit=None if again is None else Limit(again[0], LimitUnit(again[1])),
    ).read(
        naive.to_instant(start),
        [Pause(began_at=naive.to_instant(began), ended_at=naive.to_instant(ended)) for began, ended in pauses],
    )
    return None if found.due_at == expected else (expected, found.due_at, limit, again, start, pauses, how)


def test_a_hundred_thousand_dossiers_agree_with_the_clock_that_walks_minute_by_minute() -> None:
    chance = random.Random(1182025)
    for number in range(100_000):
        assert a_disagreement(chance) is None, number


@settings(max_examples=2_000, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_hypothesis_finds_no_dossier_on_which_the_two_clocks_disagree(chance: random.Random) -> None:
    assert a_disagreement(chance) is None
