"""Whose time a late dossier's was: timelines written by hand, minutes counted by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.dossier.domain import fold
from services.dossier.lateness.domain import Cause, Late, Lateness, Told, judge
from shared.events.statements import Facts, Kind, Statement
from shared.localtime import LOCAL
from shared.settings import RULES
from shared.workdays import load_calendar

CALENDAR = load_calendar(RULES).for_unit("10966")
DAY, OFFICE = 24 * 60, 4 * 60 + 3 * 60 + 30
"""An office day is 07:30–11:30 and 13:30–17:00."""
HEARD = "2025-11-14 17:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL)


def told(kind: str, when: str, recorded: str | None = None, **facts: Any) -> Told:
    said = {name: at(value) if name.endswith("_at") else value for name, value in facts.items()}
    statement = Statement(
        source="s", id=f"{kind}-{when}", kind=Kind(kind), unit="10966", dossier="d", time=at(when), facts=Facts(**said)
    )
    return Told(statement=statement, recorded_at=at(recorded or when))


def received(due: str = "2025-11-05 17:00", **facts: Any) -> Told:
    """On Monday 03/11/2025 as the office opens, promised for Wednesday."""
    return told("received", "2025-11-03 07:30", due_at=due, field="Hộ tịch", agency="van-phong", **facts)


def judged(*statements: Told, heard: str = HEARD) -> Lateness | None:
    return judge(statements, CALENDAR, at(heard))


def parts(found: Lateness | None) -> dict[str, int]:
    assert found is not None
    return {cause.value: minutes for cause, minutes in found.parts.items() if minutes}


class TestLateForReal:
    def test_work_counts_in_office_hours_and_the_rest_is_the_calendars(self) -> None:
        found = judged(received(), told("completed", "2025-11-06 17:00"))
        assert found is not None and found.late is Late.REAL
        # Monday 07:30 to Thursday 17:00: four office days, and all the hours around them
        assert parts(found) == {"staff": 4 * OFFICE, "calendar": 3 * DAY + 570 - 4 * OFFICE}
        assert found.minutes == 3 * DAY + 570

    def test_a_wait_is_the_citizens_day_and_night(self) -> None:
        found = judged(
            received(),
            told("supplement_requested", "2025-11-03 17:00"),
            told("supplemented", "2025-11-05 07:30", due_at="2025-11-06 17:00"),
            told("completed", "2025-11-07 17:00"),
        )
        # Monday, Wednesday, Thursday and Friday worked; waited from Monday 17:00 to Wednesday 07:30
        assert parts(found) == {
            "citizen": DAY + 14 * 60 + 30,
            "staff": 4 * OFFICE,
            "calendar": 2 * DAY + 2 * 570 - 4 * OFFICE,
        }

    def test_a_department_of_the_unit_is_its_staff(self) -> None:
        found = judged(
            received(inter_agency=True),
            told("processing", "2025-11-04 07:30", agency="kinh-te", internal_received_at="2025-11-04 07:30"),
            told("processing", "2025-11-05 17:00", internal_finished_at="2025-11-05 17:00"),
            told("completed", "2025-11-06 17:00"),
        )
        assert parts(found) == {"staff": 4 * OFFICE, "calendar": 3 * DAY + 570 - 4 * OFFICE}

    def test_work_outside_the_unit_is_another_agencys_until_it_comes_back(self) -> None:
        found = judged(
            received(inter_agency=True),
            told("processing", "2025-11-04 07:30", inter_agency=True),
            told("processing", "2025-11-05 17:00", inter_agency=False),
            told("completed", "2025-11-06 17:00"),
        )
        assert parts(found)["other_agency"] == 2 * OFFICE
        assert parts(found)["staff"] == 2 * OFFICE

    def test_an_open_one_counts_as_far_as_its_source_was_heard(self) -> None:
        assert judged(received(), heard="2025-11-05 23:59") is None, "the promised day is not over"
        found = judged(received(), heard="2025-11-06 07:30")
        assert found is not None and (found.late, found.minutes) == (Late.REAL, 3 * DAY)

    def test_what_form_ii_06a_counts_on_time_is_not_late(self) -> None:
        for kind in ("withdrawn", "returned", "stopped"):
            assert judged(received(), told(kind, "2025-11-07 10:00")) is None
        assert judged(received(), told("completed", "2025-11-05 23:30")) is None, "dates are compared"
        assert judged(received(), told("supplement_requested", "2025-11-05 10:00")) is None, "it waits"

    def test_a_late_end_that_was_also_told_late_is_late_for_real_and_the_feed_has_its_part(self) -> None:
        found = judged(received(), told("completed", "2025-11-06 17:00", recorded="2025-11-07 17:00"))
        assert found is not None and found.late is Late.REAL
        assert parts(found) == {"staff": 4 * OFFICE, "calendar": 3 * DAY + 570 - 4 * OFFICE, "stream": DAY}


class TestLateOnPaper:
    def test_an_end_in_time_that_was_told_late(self) -> None:
        found = judged(received(), told("completed", "2025-11-05 16:00", recorded="2025-11-07 09:00"))
        assert found is not None and found.late is Late.PAPER
        # it looked overdue from Thursday's midnight until Friday 09:00
        assert parts(found)["stream"] == DAY + 9 * 60
        # Monday 07:30 to Wednesday 16:00: two office days and all of the third but its last hour
        assert parts(found)["staff"] == 3 * OFFICE - 60

    def test_a_pause_that_was_told_late(self) -> None:
        found = judged(
            received(),
            told("supplement_requested", "2025-11-05 08:00", recorded="2025-11-06 08:00"),
            told("supplemented", "2025-11-07 08:00", due_at="2025-11-10 17:00"),
            told("completed", "2025-11-07 10:00"),
        )
        assert found is not None and found.late is Late.PAPER
        # the wait lasted two days; eight hours of it, from midnight, it looked overdue
        assert parts(found)["stream"] == 8 * 60
        assert parts(found)["citizen"] == 2 * DAY - 8 * 60

    def test_what_was_told_late_but_before_the_promised_day_was_over_looked_like_nothing(self) -> None:
        assert judged(received(), told("completed", "2025-11-04 16:00", recorded="2025-11-05 16:00")) is None

    def test_nothing_looks_late_before_it_was_ever_heard_of(self) -> None:
        whole = [
            told("received", "2025-11-03 08:00", recorded="2025-11-10 08:00", due_at="2025-11-05 17:00"),
            told("completed", "2025-11-04 16:00", recorded="2025-11-10 08:00"),
        ]
        assert judged(*whole) is None


MINUTE_OF_A_MONTH = st.integers(0, 30 * DAY)
SAYINGS = st.lists(
    st.tuples(
        st.sampled_from([kind for kind in Kind if kind not in (Kind.SUBMITTED, Kind.REFUSED, Kind.RECEIVED)]),
        MINUTE_OF_A_MONTH,
        st.integers(0, 5 * DAY),
        st.one_of(st.none(), MINUTE_OF_A_MONTH),
    ),
    max_size=7,
)


@settings(max_examples=400, deadline=None)
@given(sayings=SAYINGS, due=MINUTE_OF_A_MONTH, lag=st.integers(0, 3 * DAY), order=st.randoms(use_true_random=False))
def test_the_split_adds_up_whatever_was_said_and_in_whatever_order(
    sayings: list[tuple[Kind, int, int, int | None]], due: int, lag: int, order: Any
) -> None:
    start, heard = at("2025-11-03 08:00"), at("2025-12-20 08:00")

    def say(number: int, kind: Kind, minute: int, late: int, promise: int | None) -> Told:
        when = start + timedelta(minutes=minute)
        facts = Facts(due_at=start + timedelta(minutes=promise) if promise is not None else None)
        one = Statement(source="s", id=str(number), kind=kind, unit="10966", dossier="d", time=when, facts=facts)
        return Told(statement=one, recorded_at=when + timedelta(minutes=late))

    said = [say(0, Kind.RECEIVED, 0, lag, due), *(say(n + 1, *one) for n, one in enumerate(sayings))]
    found = judge(said, CALENDAR, heard)
    mixed = list(said)
    order.shuffle(mixed)
    assert judge(mixed, CALENDAR, heard) == found
    if found is None:
        return
    state = fold(one.statement for one in said).state
    end = max(state.finished_at or heard, start)
    in_work = int((end - start).total_seconds() // 60)
    # an independent whole: the time in work, and whatever of the feed's part lies behind the end
    assert min(found.parts.values()) >= 0
    assert found.minutes == sum(found.parts.values()) >= in_work
    assert found.minutes - in_work <= found.parts[Cause.STREAM]
    if all(one.recorded_at == one.statement.time for one in said):
        assert found.minutes == in_work and found.late is Late.REAL
