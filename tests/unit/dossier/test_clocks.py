"""The three clocks of a dossier, on the real calendar and catalogue unless a test brings its own procedure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.dossier.clocks.api import standing
from services.dossier.clocks.book import ClockBook, changes, load_book, make_book
from services.dossier.clocks.domain import DIFFERENCES, Clocks, measure
from services.dossier.clocks.messages import FINDING
from services.dossier.domain import fold
from shared.events.dossiers import Snapshot
from shared.events.statements import Facts, Kind, Statement
from shared.localtime import LOCAL
from shared.procedures import Catalogue, ProcedureRules

RULES = Path(__file__).parents[3] / "deploy" / "rules"
book = load_book(RULES)
GUARDIAN = "1.004837"
"""Three working days on every channel."""


def at(text: str) -> datetime:
    """`2025-11-03 08:30`, local time."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=LOCAL)


def said(kind: str, time: str, **facts: Any) -> Statement:
    due = {"due_at": at(facts.pop("due"))} if "due" in facts else {}
    return Statement(
        source="s",
        id=f"{kind}{time}",
        kind=Kind(kind),
        unit="10966",
        dossier="D",
        time=at(time),
        facts=Facts(**facts, **due),
    )


def a_snapshot(*statements: Statement, stored: bool = False) -> Snapshot:
    folded = fold(statements)
    fresh = Snapshot(
        unit="10966",
        dossier="D",
        revision=len(statements),
        source="s",
        recorded_at=statements[-1].time,
        state=folded.state,
        timeline=list(folded.timeline),
    )
    return msgspec.json.decode(msgspec.json.encode(fresh), type=Snapshot) if stored else fresh


def received(due: str | None, time: str = "2025-11-03 08:30", procedure: str = GUARDIAN, **facts: Any) -> Statement:
    known = {"procedure": procedure, "channel": "direct"} | facts | ({"due": due} if due else {})
    return said("received", time, **known)


def with_procedure(**version: Any) -> ClockBook:
    """The book with one invented procedure, 9.000001."""
    text = {"valid_from": "2025-07-01"} | version
    one = {"code": "9.000001", "name": "Thử", "field": "Thử", "levels": ["commune"], "versions": [text]}
    rules = ProcedureRules.model_validate_json(msgspec.json.encode(one))
    return make_book(book.calendars, Catalogue(procedures={rules.code: rules}), book.rules)


def codes(clocks: Clocks) -> list[str]:
    return [one.code for one in clocks.findings]


def dues(cases: Any) -> list[str]:
    return [f"{one.due_at:%Y-%m-%d %H:%M}" for one in cases]


@pytest.mark.parametrize(
    ("channel", "due", "answered", "stands"),
    [
        ("online", "2025-11-03 16:30", "2025-11-03 16:30", "met"),
        ("online", "2025-11-03 16:30", "2025-11-03 16:31", "late"),
        ("direct", "2025-11-03 17:00", "2025-11-03 16:59", "met"),
        ("post", "2025-11-03 17:00", "2025-11-04 08:00", "late"),
    ],
)
def test_a_filing_is_answered_within_eight_office_hours_or_one_working_day(
    channel: str, due: str, answered: str, stands: str
) -> None:
    filed = said("submitted", "2025-10-31 16:00", channel=channel, procedure=GUARDIAN)
    waits = measure(a_snapshot(filed), book)
    assert waits.intake is not None and (waits.intake.due_at, waits.intake.answered_at) == (at(due), None)
    snapshot = a_snapshot(filed, received("2025-11-06 17:00", answered, channel=channel))
    assert standing(measure(snapshot, book), snapshot.state, at("2025-12-01 08:00"))["intake"] == stands


def test_a_refusal_answers_a_filing_and_what_was_never_filed_has_no_intake_clock() -> None:
    refused = a_snapshot(said("submitted", "2025-10-31 16:00", channel="online"), said("refused", "2025-11-03 09:00"))
    intake = measure(refused, book).intake
    assert intake is not None and intake.answered_at == at("2025-11-03 09:00")
    assert measure(a_snapshot(received("2025-11-06 17:00")), book).intake is None


@pytest.mark.parametrize(
    ("promised", "found"),
    [
        ("2025-11-06 17:00", []),
        ("2025-11-06 09:00", []),  # dates are compared, never times
        ("2025-11-07 08:00", ["promise_later"]),
        ("2025-11-05 17:00", ["promise_earlier"]),
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_a_promise_is_compared_with_the_computed_date(promised: str, found: list[str], stored: bool) -> None:
    clocks = measure(a_snapshot(received(promised), stored=stored), book)
    assert dues(clocks.statutory) == ["2025-11-06 17:00"]
    assert codes(clocks) == found and clocks.differs == bool(found)
    assert clocks.promise is not None and clocks.promise.due_at == at(promised)


def test_a_promise_may_follow_either_case_of_its_procedure() -> None:
    plain = received("2025-11-06 17:00", procedure="1.004873.H24")
    verified = received("2025-11-26 17:00", procedure="1.003559")
    for statement in (plain, verified):
        clocks = measure(a_snapshot(statement), book)
        assert (clocks.procedure, codes(clocks)) == ("1.004873", [])
    assert codes(measure(a_snapshot(received("2025-11-10 17:00", procedure="1.004873")), book)) == ["promise_later"]


WAITED = (
    said("supplement_requested", "2025-11-04 10:00"),
    said("supplemented", "2025-11-06 15:00"),
)


def test_a_promise_that_only_the_fold_moved_was_stated_by_nobody() -> None:
    snapshot = a_snapshot(received("2025-11-06 17:00"), *WAITED)
    clocks = measure(snapshot, book)
    assert dues(clocks.statutory) == ["2025-11-11 10:30"]
    assert clocks.promise is not None
    assert (clocks.promise.stated_due_at, clocks.promise.due_at) == (at("2025-11-06 17:00"), at("2025-11-08 22:00"))
    assert codes(clocks) == []


@pytest.mark.parametrize(
    ("promised", "found"),
    [
        ("2025-11-11 17:00", []),  # the rest runs on
        ("2025-11-11 08:00", []),
        ("2025-11-12 17:00", ["promise_later"]),
        ("2025-11-06 17:00", ["promise_earlier"]),  # said again unchanged: as if nothing had been waited for
    ],
)
def test_a_new_promise_after_an_answer_is_compared_with_the_rest_of_the_limit(promised: str, found: list[str]) -> None:
    answered = said("supplemented", "2025-11-06 15:00", due=promised)
    clocks = measure(a_snapshot(received("2025-11-06 17:00"), WAITED[0], answered), book)
    assert codes(clocks) == found
    if found:
        assert clocks.findings[0].details["by_resume"] == ["2025-11-11"]
        assert clocks.findings[0].details["by_restart"] == ["2025-11-11"]


def test_both_policies_are_shown_where_the_promise_follows_the_other_one() -> None:
    later = (
        said("supplement_requested", "2025-11-05 10:00"),
        said("supplemented", "2025-11-06 15:00", due="2025-11-11 17:00"),
    )
    found = measure(a_snapshot(received("2025-11-06 17:00"), *later), book)
    # Wednesday 10:00 to Thursday 17:00 leave 300 + 450 office minutes: Thursday 120, Friday 450, Monday 180
    [finding] = found.findings
    assert finding.code == "promise_by_other_policy"
    assert (finding.details["by_resume"], finding.details["by_restart"]) == (["2025-11-10"], ["2025-11-11"])


def test_a_procedure_may_restart_with_a_limit_of_its_own() -> None:
    restarts = with_procedure(
        published={"all": "10 ngày làm việc"}, on_pause="restart", restart_limit="6 ngày làm việc"
    )
    answered = said("supplemented", "2025-11-06 15:00", due="2025-11-14 17:00")
    clocks = measure(a_snapshot(received("2025-11-17 17:00", procedure="9.000001"), WAITED[0], answered), restarts)
    assert (dues(clocks.statutory), clocks.on_pause, codes(clocks)) == (["2025-11-14 17:00"], "restart", [])


def test_a_waiting_dossier_shows_the_office_minutes_that_are_left() -> None:
    snapshot = a_snapshot(received("2025-11-06 17:00"), WAITED[0])
    clocks = measure(snapshot, book)
    assert [(one.due_at, one.left_minutes) for one in clocks.statutory] == [(None, 1200)]
    assert standing(clocks, snapshot.state, at("2025-12-01 08:00")) == {"promise": "waiting", "statutory": "waiting"}


def test_the_slip_states_the_citys_cut_and_never_more_than_the_law() -> None:
    cut = with_procedure(published={"all": "10 ngày làm việc"}, committed={"all": "7 ngày làm việc"})
    kept = measure(a_snapshot(received("2025-11-12 17:00", procedure="9.000001")), cut)
    assert (dues(kept.committed), dues(kept.statutory), codes(kept)) == (["2025-11-12 17:00"], ["2025-11-17 17:00"], [])
    by_law = measure(a_snapshot(received("2025-11-17 17:00", procedure="9.000001")), cut)
    assert codes(by_law) == ["promise_later"]
    beyond = measure(a_snapshot(received("2025-11-18 17:00", procedure="9.000001")), cut)
    assert codes(beyond) == ["promise_later", "promise_beyond_statutory"]


def test_a_swap_that_came_after_the_promise_is_no_fault_of_the_slip() -> None:
    # 02/01/2026 for 10/01/2026, noticed on 25/12/2025: ten days from 24/12 were 08/01 until then, 09/01 since
    ten = with_procedure(published={"all": "10 ngày làm việc"})
    before = measure(a_snapshot(received("2026-01-08 17:00", "2025-12-24 08:30", procedure="9.000001")), ten)
    assert (dues(before.statutory), codes(before)) == (["2026-01-09 17:00"], ["calendar_changed_since_promise"])
    assert not before.differs
    # three days from 31/12, when the swap was known, are 07/01 and not 06/01
    after = measure(a_snapshot(received("2026-01-06 17:00", "2025-12-31 08:30")), book)
    assert (dues(after.statutory), codes(after)) == (["2026-01-07 17:00"], ["promise_earlier"])


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"procedure": "1.001193"}, ["limit_unknown"]),
        ({"procedure": "TS_lop1.000.00.00.H22"}, ["procedure_unknown"]),
        ({"procedure": "2.000815", "channel": "online"}, ["channel_not_offered"]),
    ],
)
def test_what_cannot_be_computed_is_said_and_is_no_difference(facts: dict[str, str], found: list[str]) -> None:
    clocks = measure(a_snapshot(received("2025-11-06 17:00", **facts)), book)
    assert (codes(clocks), clocks.differs, clocks.statutory) == (found, False, [])


def test_a_dossier_older_than_the_decree_has_only_its_promise() -> None:
    clocks = measure(a_snapshot(received("2025-06-05 17:00", "2025-06-02 08:30")), book)
    assert clocks == Clocks(promise=clocks.promise) and clocks.promise is not None


def test_an_extension_moves_no_clock() -> None:
    extended = said("extended", "2025-11-05 09:00", extended_due_at=at("2025-11-20 17:00"))
    clocks = measure(a_snapshot(received("2025-11-06 17:00"), extended), book)
    assert clocks.promise is not None and clocks.promise.due_at == at("2025-11-06 17:00")
    assert dues(clocks.statutory) == ["2025-11-06 17:00"] and codes(clocks) == []


def test_a_change_of_the_book_is_told_in_days_and_codes() -> None:
    storm = replace(book.calendars.now, days_off={**book.calendars.now.days_off, date(2025, 11, 5): "Bão"})
    stormy = make_book(replace(book.calendars, now=storm), book.catalogue, book.rules)
    assert stormy.fingerprint != book.fingerprint
    assert changes(book.content, stormy.content) == "calendar: 2025-11-05 off"
    assert changes(stormy.content, book.content) == "calendar: 2025-11-05 as the week has it"
    few = {code: one for code, one in book.catalogue.procedures.items() if code != GUARDIAN}
    assert changes(book.content, make_book(book.calendars, Catalogue(procedures=few), book.rules).content) == (
        "procedure: 1.004837 removed"
    )
    own = replace(book.calendars.now, units={"10966": storm})
    closed = make_book(replace(book.calendars, now=own), book.catalogue, book.rules)
    assert changes(book.content, closed.content) == "calendar: 10966 2025-11-05 off"


@pytest.mark.parametrize(("once", "found"), [(True, ["supplement_asked_again"]), (False, [])])
def test_some_procedures_allow_one_request_for_a_supplement(once: bool, found: list[str]) -> None:
    waits = [
        said("supplement_requested", "2025-11-03 09:30"),
        said("supplemented", "2025-11-04 09:30"),
        said("supplement_requested", "2025-11-04 10:30"),
    ]
    clocks = measure(
        a_snapshot(received("2025-11-06 17:00", procedure="9.000001"), *waits), with_procedure(supplement_once=once)
    )
    assert [one for one in codes(clocks) if one == "supplement_asked_again"] == found


def test_every_finding_has_a_text() -> None:
    assert DIFFERENCES | {
        "calendar_changed_since_promise",
        "procedure_unknown",
        "channel_not_offered",
        "limit_unknown",
        "supplement_asked_again",
    } == set(FINDING)
