"""What is counted about a source: order, numbers, silence; expected values are written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.dossier.scorecard.domain import (
    Count,
    RangeTooLong,
    Said,
    Series,
    What,
    between,
    longest_silence,
    numbered,
    quiet_minutes,
    tally,
)
from services.dossier.scorecard.metrics import MOST_SOURCES, OTHER, SourceMetrics
from shared.events.records import claimed_source
from shared.localtime import LOCAL
from shared.workdays import load_calendar

calendar = load_calendar(Path(__file__).parents[3] / "deploy" / "rules")
NOW = datetime(2025, 11, 5, 23, 30, tzinfo=LOCAL)
DAY = date(2025, 11, 5)


def at(text: str) -> datetime:
    """`05 08:30` of November 2025, local time; the fifth is a Wednesday."""
    return datetime.strptime(f"2025-11-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=LOCAL)


def said(when: str, *, accepted: bool = True, source: str = "/a", unit: str = "10966", is_live: bool = True) -> Said:
    return Said(source=source, unit=unit, time=at(when), accepted=accepted, is_live=is_live)


def test_verdicts_are_counted_by_source_unit_and_local_day() -> None:
    counts = tally(
        [said("05 08:00"), said("05 08:01"), said("05 08:02", unit="10510"), said("05 08:02", accepted=False),
         said("05 08:00", source="/b")],
        {}, NOW,
    )  # fmt: skip
    assert counts == {
        Count("/a", DAY, What.ACCEPTED, "10966"): 2,
        Count("/a", DAY, What.ACCEPTED, "10510"): 1,
        Count("/a", DAY, What.DUPLICATE): 1,
        Count("/b", DAY, What.ACCEPTED, "10966"): 1,
    }


def test_the_day_is_the_local_one() -> None:
    late = datetime(2025, 11, 6, 0, 30, tzinfo=LOCAL)  # still the fifth in London
    assert {one.day for one in tally([said("05 08:00")], {}, late)} == {date(2025, 11, 6)}


@pytest.mark.parametrize(
    ("newest", "times", "expected"),
    [
        ("", ["05 08:00", "05 08:01", "05 08:02"], 0),
        ("", ["05 08:02", "05 08:01", "05 08:00"], 2),
        ("", ["05 08:02", "05 08:02"], 0),  # at the same instant is no disorder
        ("05 09:00", ["05 08:59", "05 09:00", "05 08:58"], 2),  # older than what came in an earlier batch
    ],
)
def test_out_of_order_is_older_than_the_newest_before_it(newest: str, times: Sequence[str], expected: int) -> None:
    counts = tally([said(time) for time in times], {"/a": at(newest)} if newest else {}, NOW)
    assert counts[Count("/a", DAY, What.OUT_OF_ORDER)] == expected


def test_neither_a_file_nor_a_duplicate_is_out_of_order() -> None:
    newest = {"/a": at("05 10:00")}
    counts = tally([said("05 08:00", is_live=False), said("05 08:00", accepted=False)], newest, NOW)
    assert counts[Count("/a", DAY, What.OUT_OF_ORDER)] == 0


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("hp-onestop-000187", ("hp-onestop-", 187, 6)),
        ("hp-onestop-187", ("hp-onestop-", 187, 1)),
        ("42", ("", 42, 1)),
        ("số-7", ("số-", 7, 1)),
        ("two\nlines-7", ("two\nlines-", 7, 1)),
        ("no number", None),
        ("", None),
        ("a1234567890123456", None),  # sixteen digits are no running number
        ("a٣", None),  # digits of another script
    ],
)
def test_the_number_at_the_end_of_an_id(id_: str, expected: tuple[str, int, int] | None) -> None:
    assert numbered(id_) == expected


def test_a_range_keeps_its_leading_zeros() -> None:
    assert between("x-098", "x-101") == ["x-098", "x-099", "x-100", "x-101"]
    assert between("x-9", "x-11") == ["x-9", "x-10", "x-11"]


@pytest.mark.parametrize(("first", "last"), [("x-1", "y-2"), ("x-2", "x-1"), ("x", "x-1"), ("x", "y")])
def test_what_is_no_series_has_no_range_of_numbers(first: str, last: str) -> None:
    assert between(first, last) is None


def test_a_range_is_bounded() -> None:
    ids = between("x-1", "x-10000")
    assert ids is not None and len(ids) == 10_000
    with pytest.raises(RangeTooLong, match="10,001 ids"):
        between("x-1", "x-10001")


@pytest.mark.parametrize(
    ("first", "last", "count", "expected"),
    [
        (1, 5, 5, True),
        (1, 4, 4, False),  # too few to tell
        (1, 20, 10, True),
        (1, 21, 10, False),  # more holes than numbers: random
        (10_000, 99_999, 40, False),
        (1, 10_001, 9_000, False),
    ],
)
def test_what_is_a_running_number(first: int, last: int, count: int, expected: bool) -> None:
    assert Series(prefix="x", width=1, first=first, last=last, count=count).is_running is expected


@pytest.mark.parametrize(
    ("day", "heard", "now", "expected"),
    [
        (5, [], "06 08:00", 450),  # a whole day of 07:30-11:30 and 13:30-17:00
        (5, ["05 07:30", "05 11:00", "05 14:00", "05 17:00"], "06 08:00", 210),  # 07:30-11:00
        (5, ["05 11:30", "05 13:30"], "06 08:00", 240),  # the noon break is no silence
        (5, ["05 03:00", "05 20:00"], "06 08:00", 450),  # words at night do not break the day's silence
        (5, ["05 08:00"], "05 08:10", 30),  # the day is not over
        (5, [], "05 06:00", 0),
        (8, [], "10 08:00", 0),  # a Saturday
    ],
)  # fmt: skip
def test_the_longest_silence_of_a_day(day: int, heard: list[str], now: str, expected: int) -> None:
    assert longest_silence(date(2025, 11, day), [at(one) for one in heard], calendar, at(now)) == expected


def test_a_weekend_is_no_silence() -> None:
    assert quiet_minutes(at("07 16:00"), at("10 08:30"), calendar) == 60 + 60
    assert quiet_minutes(at("07 16:00"), at("07 15:00"), calendar) == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"source":"/onestop/31/10966","id":1}', "/onestop/31/10966"),
        (b'{"id":1}', ""),
        (b'{"source":7}', ""),
        (b"not JSON", ""),
        (b'{"source":"a\\u0000b"}', ""),
        (b'{"source":"' + b"x" * 201 + b'"}', ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
    ],
)  # fmt: skip
def test_the_claimed_source_of_a_bad_record_is_read_when_it_can_be(body: bytes, expected: str) -> None:
    assert claimed_source(body) == expected


def test_invented_names_do_not_fill_the_metrics() -> None:
    metrics = SourceMetrics(CollectorRegistry())
    labels = {metrics.label(f"/invented/{number}") for number in range(MOST_SOURCES + 50)}
    assert len(labels) == MOST_SOURCES + 1
    assert OTHER in labels
    assert metrics.label("/invented/0") == "/invented/0"
