from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.localtime import LOCAL, end_of_day, local_date, start_of_day
from shared.rules import RuleError
from shared.workdays import CalendarDay, CalendarRules, DayKind, build_calendar, load_calendar

RULES = Path(__file__).parents[3] / "deploy" / "rules"
calendar = load_calendar(RULES)

days = st.dates(date(2024, 1, 1), date(2027, 12, 31))
instants = st.datetimes(datetime(2025, 4, 20), datetime(2025, 5, 10), timezones=st.just(LOCAL))


def at(text: str) -> datetime:
    """`31/10/2025 16:00`, local time."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=LOCAL)


def on(text: str) -> date:
    return at(f"{text} 00:00").date()


def with_entries(*entries: CalendarDay) -> CalendarRules:
    given_rules = {
        "id": "test",
        "first_year": 2025,
        "last_year": 2026,
        "office_hours": ({"begin": at("01/01/2025 07:30").time(), "end": at("01/01/2025 11:30").time()},),
        "days": entries,
    }
    return CalendarRules.model_validate(given_rules)


def entry(day: str, kind: DayKind, name: str, known_since: str, unit: str | None = None) -> CalendarDay:
    return CalendarDay.model_validate(
        {
            "date": on(day),
            "kind": kind,
            "name_vi": name,
            "known_since": on(known_since),
            "source": "thử",
            "unit": unit,
        }
    )


@pytest.mark.parametrize(
    ("start", "days", "due"),
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
        ("08/11/2025", 1, "10/11/2025"),
    ],
)
def test_a_promise_skips_days_off_and_uses_worked_saturdays(start: str, days: int, due: str) -> None:
    assert calendar.add_working_days(on(start), days) == on(due)
    assert calendar.working_days_between(on(start), on(due)) == days


@pytest.mark.parametrize(
    "off",
    [
        "01/01/2025",
        "27/01/2025",
        "31/01/2025",
        "07/04/2025",
        "30/04/2025",
        "02/05/2025",
        "01/09/2025",
        "02/09/2025",
        "02/01/2026",
        "16/02/2026",
        "20/02/2026",
        "27/04/2026",
        "31/08/2026",
        "24/11/2026",
        "04/02/2027",
        "10/02/2027",
        "16/04/2027",
        "03/05/2027",
        "03/09/2027",
    ],
)
def test_a_holiday_is_no_working_day_and_has_a_name(off: str) -> None:
    assert not calendar.is_working(on(off))
    assert calendar.day_off_name(on(off))


@pytest.mark.parametrize("worked", ["26/04/2025", "10/01/2026", "22/08/2026"])
def test_a_swapped_saturday_is_worked_and_has_no_name(worked: str) -> None:
    assert calendar.is_working(on(worked))
    assert calendar.day_off_name(on(worked)) is None


def test_2025_and_2026_have_as_many_working_days_as_counted_by_hand() -> None:
    # 2025: 261 days from Monday to Friday, 12 of them off, one Saturday worked
    assert calendar.working_days_between(on("31/12/2024"), on("31/12/2025")) == 250
    # 2026: 261 days from Monday to Friday, 14 of them off, two Saturdays worked
    assert calendar.working_days_between(on("31/12/2025"), on("31/12/2026")) == 249


def test_the_names_of_days_off_are_vietnamese() -> None:
    assert calendar.day_off_name(on("02/09/2025")) == "Quốc khánh"
    assert calendar.day_off_name(on("02/01/2026")) == "Nghỉ hoán đổi cho Thứ Bảy 10/01/2026"
    assert calendar.day_off_name(on("08/11/2025")) is None


def test_before_the_notice_of_25_12_2025_nobody_knew_the_swap() -> None:
    before, after = load_calendar(RULES, on("24/12/2025")), load_calendar(RULES, on("25/12/2025"))
    assert before.add_working_days(on("31/12/2025"), 3) == on("06/01/2026")
    assert after.add_working_days(on("31/12/2025"), 3) == on("07/01/2026")


def test_counting_back_finds_the_day_before_the_holidays() -> None:
    assert calendar.add_working_days(on("06/05/2025"), -2) == on("29/04/2025")
    assert calendar.add_working_days(on("09/11/2025"), -1) == on("07/11/2025")
    assert calendar.working_days_between(on("09/11/2025"), on("07/11/2025")) == -1


def test_no_working_day_is_the_day_itself_even_on_a_sunday() -> None:
    assert calendar.add_working_days(on("09/11/2025"), 0) == on("09/11/2025")
    assert calendar.working_days_between(on("09/11/2025"), on("09/11/2025")) == 0


def test_a_closure_of_one_unit_leaves_the_others_at_work() -> None:
    storm = entry("06/10/2025", DayKind.OFF, "Nghỉ bão", "05/10/2025", unit="10966")
    built = build_calendar(with_entries(storm))
    assert built.is_working(on("06/10/2025"))
    assert built.for_unit("10510").is_working(on("06/10/2025"))
    assert built.for_unit("10966").day_off_name(on("06/10/2025")) == "Nghỉ bão"
    assert built.for_unit("10966").add_working_days(on("03/10/2025"), 1) == on("07/10/2025")
    assert not built.for_unit("10966").is_working(on("02/09/2025"))


def test_a_units_own_entry_wins_over_the_common_one() -> None:
    off = entry("06/10/2025", DayKind.OFF, "Nghỉ bão", "05/10/2025")
    open_here = entry("06/10/2025", DayKind.WORKED, "Vẫn làm việc", "05/10/2025", unit="10966")
    built = build_calendar(with_entries(open_here, off))
    assert not built.is_working(on("06/10/2025"))
    assert built.for_unit("10966").is_working(on("06/10/2025"))


def test_a_holiday_that_is_worked_after_all_is_a_working_day() -> None:
    built = build_calendar(with_entries(entry("24/11/2026", DayKind.WORKED, "Làm việc", "01/11/2026")))
    assert built.add_working_days(on("23/11/2026"), 1) == on("24/11/2026")
    assert built.working_days_between(on("23/11/2026"), on("24/11/2026")) == 1


def test_outside_the_years_of_the_rules_monday_to_friday_work() -> None:
    assert calendar.is_working(date(2090, 9, 1))  # a Friday
    assert not calendar.is_working(date(2090, 9, 2))


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("31/10/2025 16:00", 480, "03/11/2025 16:30"),
        ("03/11/2025 07:30", 240, "03/11/2025 11:30"),
        ("03/11/2025 07:30", 241, "03/11/2025 13:31"),
        ("03/11/2025 12:00", 1, "03/11/2025 13:31"),
        ("03/11/2025 05:00", 450, "03/11/2025 17:00"),
        ("03/11/2025 19:00", 450, "04/11/2025 17:00"),
        ("08/11/2025 09:00", 60, "10/11/2025 08:30"),
        ("09/01/2026 16:30", 60, "10/01/2026 08:00"),
        ("08/11/2025 09:00", 0, "08/11/2025 09:00"),
        ("03/11/2025 16:30", -480, "31/10/2025 16:00"),
        ("03/11/2025 13:45", -15, "03/11/2025 13:30"),
        ("03/11/2025 12:00", -1, "03/11/2025 11:29"),
        ("08/11/2025 09:00", -60, "07/11/2025 16:00"),
    ],
)
def test_office_hours_run_only_while_the_office_is_open(start: str, minutes: int, due: str) -> None:
    assert calendar.add_working_minutes(at(start), minutes) == at(due)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("31/10/2025 16:00", "03/11/2025 16:30", 480),
        ("03/11/2025 00:00", "04/11/2025 00:00", 450),
        ("03/11/2025 11:30", "03/11/2025 13:30", 0),
        ("08/11/2025 08:00", "09/11/2025 18:00", 0),
        ("03/11/2025 08:00", "03/11/2025 07:00", -30),
        ("29/04/2025 16:00", "05/05/2025 08:00", 90),
    ],
)
def test_minutes_of_nights_breaks_and_days_off_do_not_count(start: str, end: str, minutes: int) -> None:
    assert calendar.working_minutes_between(at(start), at(end)) == minutes


def test_the_offset_of_an_instant_does_not_matter() -> None:
    # 23:30 on Sunday in London winter time is 06:30 on Monday in Hải Phòng
    sunday = datetime(2025, 11, 2, 23, 30, tzinfo=UTC)
    assert local_date(sunday) == on("03/11/2025")
    assert calendar.add_working_minutes(sunday, 30) == at("03/11/2025 08:00")
    assert calendar.working_minutes_between(sunday, at("03/11/2025 08:00").astimezone(UTC)) == 30


def test_seconds_are_dropped_only_at_the_end() -> None:
    start = at("03/11/2025 08:00") + timedelta(seconds=30)
    assert calendar.working_minutes_between(start, start + timedelta(seconds=59)) == 0
    assert calendar.working_minutes_between(start, start + timedelta(seconds=60)) == 1


def test_a_day_ends_where_the_next_begins() -> None:
    assert start_of_day(on("14/12/2025")) == datetime(2025, 12, 13, 17, tzinfo=UTC)
    assert end_of_day(on("14/12/2025")) == start_of_day(on("15/12/2025"))
    assert local_date(end_of_day(on("14/12/2025")) - timedelta(microseconds=1)) == on("14/12/2025")


def test_a_calendar_with_other_hours_counts_them() -> None:
    morning = replace(calendar, shifts=((timedelta(hours=8), timedelta(hours=11)),))
    assert morning.add_working_minutes(at("03/11/2025 10:00"), 120) == at("04/11/2025 09:00")


def test_a_day_that_stands_twice_is_reported_with_its_line(tmp_path: Path) -> None:
    text = (RULES / "calendars" / "vn.yaml").read_text(encoding="utf-8").replace("2026-01-10", "2026-01-02")
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "vn.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(
        RuleError, match=r"vn.yaml:\d+: days\[1\].date: 2026-01-02 stands twice \(remove one of the two\)"
    ):
        load_calendar(tmp_path)


def test_office_hours_that_overlap_are_refused(tmp_path: Path) -> None:
    text = (RULES / "calendars" / "vn.yaml").read_text(encoding="utf-8").replace('"13:30"', '"11:00"')
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "vn.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RuleError, match="office_hours must run forward"):
        load_calendar(tmp_path)


@given(days, st.integers(-60, 60))
def test_between_is_the_inverse_of_add(start: date, number: int) -> None:
    assert calendar.working_days_between(start, calendar.add_working_days(start, number)) == number


@given(days, days)
def test_between_counts_the_same_days_as_a_walk(start: date, end: date) -> None:
    start, end = min(start, end), max(start, end)
    walked = sum(calendar.is_working(start + timedelta(n)) for n in range(1, (end - start).days + 1))
    assert calendar.working_days_between(start, end) == walked


@given(instants, st.integers(0, 3 * 24 * 60))
def test_working_minutes_are_those_of_a_walk_minute_by_minute(start: datetime, length: int) -> None:
    start = start.replace(second=0, microsecond=0)
    walked = 0
    for number in range(length):
        minute = start + timedelta(minutes=number)
        clock = minute.hour * 60 + minute.minute
        open_now = 450 <= clock < 690 or 810 <= clock < 1020
        walked += open_now and calendar.is_working(minute.date())
    assert calendar.working_minutes_between(start, start + timedelta(minutes=length)) == walked


@given(instants, st.integers(-5000, 5000).filter(bool))
def test_minutes_between_are_the_inverse_of_added_minutes(instant: datetime, minutes: int) -> None:
    there = calendar.add_working_minutes(instant, minutes)
    assert calendar.working_minutes_between(instant, there) == minutes


@given(instants, st.integers(1, 2000), st.integers(1, 2000))
def test_minutes_can_be_added_in_two_steps(instant: datetime, first: int, second: int) -> None:
    in_steps = calendar.add_working_minutes(calendar.add_working_minutes(instant, first), second)
    assert in_steps == calendar.add_working_minutes(instant, first + second)
