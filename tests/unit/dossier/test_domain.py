"""The fold: contracts.md §3, statement by statement; expectations by hand."""

from __future__ import annotations

import itertools
import random
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.dossier.domain import fold, heard_up_to, told_by, was_overdue
from shared.events.dossiers import DossierEvent, Snapshot
from shared.events.statements import Facts, Kind, Statement
from shared.facts import entries, spans
from shared.localtime import LOCAL


def at(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else f"{text}T09:00:00").replace(tzinfo=LOCAL)


def said(kind: str, when: str, *, id: str = "", **facts: Any) -> Statement:
    values = {name: at(value) if name.endswith("_at") else value for name, value in facts.items()}
    return Statement(
        source="/test",
        id=id or f"{kind}-{when}",
        kind=Kind(kind),
        unit="10966",
        dossier="D",
        time=at(when),
        facts=Facts(**values),
    )


def snapshot(*statements: Statement) -> Snapshot:
    folded = fold(statements)
    return Snapshot(
        unit="10966", dossier="D", revision=len(statements), source="/test", recorded_at=at("2025-12-31"),
        state=folded.state, timeline=list(folded.timeline), findings=list(folded.findings),
    )  # fmt: skip


def test_the_first_reception_gives_the_date_and_only_a_correction_moves_it() -> None:
    first = said("received", "2025-11-03", due_at="2025-11-06")
    again = said("received", "2025-11-04", received_at="2025-11-04")
    assert fold([again, first]).state.received_at == at("2025-11-03")
    corrected = said("updated", "2025-11-05", received_at="2025-11-02")
    assert fold([corrected, again, first]).state.received_at == at("2025-11-02")


def test_a_fact_that_is_absent_says_nothing_and_a_later_one_replaces_an_earlier_one() -> None:
    state = fold(
        [
            said("received", "2025-11-03", field="Hộ tịch", channel="online"),
            said("updated", "2025-11-04", field="Chứng thực"),
        ]
    ).state
    assert (state.field, state.channel) == ("Chứng thực", "online")


def test_an_answer_without_a_new_date_lets_the_rest_of_the_limit_run_on() -> None:
    pause = [said("received", "2025-11-03", due_at="2025-11-06"), said("supplement_requested", "2025-11-04")]
    assert fold([*pause, said("supplemented", "2025-11-10")]).state.due_at == at("2025-11-12")
    assert fold([*pause, said("supplemented", "2025-11-10", due_at="2025-11-20")]).state.due_at == at("2025-11-20")


def test_a_second_request_during_a_pause_does_not_start_it_anew() -> None:
    state = fold([
        said("received", "2025-11-03", due_at="2025-11-06"), said("supplement_requested", "2025-11-04"),
        said("payment_requested", "2025-11-05"), said("supplemented", "2025-11-06"),
    ]).state  # fmt: skip
    assert state.due_at == at("2025-11-08")


def test_an_apology_with_a_new_date_never_erases_lateness() -> None:
    state = fold([
        said("received", "2025-11-03", due_at="2025-11-06"),
        said("extended", "2025-11-07", extended_due_at="2025-11-20", due_at="2025-11-20"),
    ]).state  # fmt: skip
    assert (state.due_at, state.extended_due_at, state.extensions) == (at("2025-11-06"), at("2025-11-20"), 1)


def test_the_first_finish_counts_and_a_later_reopening_cancels_it() -> None:
    done = [said("received", "2025-11-03"), said("completed", "2025-11-05"), said("handed_over", "2025-11-07")]
    assert fold(done).state.finished_at == at("2025-11-05")
    reopened = fold([*done, said("processing", "2025-11-08")])
    assert reopened.state.finished_at is None
    assert "reopened" in reopened.findings
    assert fold([*done, said("processing", "2025-11-08"), said("returned", "2025-11-09")]).state.outcome == "returned"


def test_a_rating_after_the_end_reopens_nothing() -> None:
    state = fold(
        [said("received", "2025-11-03"), said("completed", "2025-11-05"), said("rated", "2025-11-06", rating=5)]
    ).state
    assert (state.outcome, state.rating, state.rated_at) == ("completed", 5, at("2025-11-06"))


def test_the_same_statement_counts_once_whatever_comes_in_between() -> None:
    one = said("received", "2025-11-03", due_at="2025-11-06")
    assert fold([one, one]) == fold([one])


def test_statements_of_one_instant_are_folded_in_the_contracts_order() -> None:
    when = "2025-11-05T10:00:00"
    statements = [
        said("received", "2025-11-03", due_at="2025-11-06"),
        said("completed", when),
        said("supplemented", when),
    ]
    assert fold(statements).state.outcome == "completed"


def test_a_late_statement_takes_an_overdue_back() -> None:
    received = said("received", "2025-11-03", due_at="2025-11-06")
    assert was_overdue(fold([received]).timeline, at("2025-11-06"))
    in_time = said("completed", "2025-11-06T16:59:00")
    assert not was_overdue(fold([received, in_time]).timeline, at("2025-11-06"))
    too_late = said("completed", "2025-11-07")
    assert was_overdue(fold([received, too_late]).timeline, at("2025-11-06"))
    paused = said("supplement_requested", "2025-11-05")
    assert not was_overdue(fold([received, paused]).timeline, at("2025-11-06"))


def test_each_transition_is_told_once_and_any_other_change_is_a_correction() -> None:
    before = snapshot(said("received", "2025-11-03", due_at="2025-11-06"))
    assert [event for event, _, _ in told_by(None, before)] == [DossierEvent.RECEIVED]
    after = snapshot(said("received", "2025-11-03", due_at="2025-11-06"), said("completed", "2025-11-05"))
    assert [event for event, _, _ in told_by(before, after)] == [DossierEvent.RESOLVED]
    corrected = snapshot(
        said("received", "2025-11-03", due_at="2025-11-06"), said("updated", "2025-11-04", field="Hộ tịch")
    )
    assert [(event, changed) for event, _, changed in told_by(before, corrected)] == [
        (DossierEvent.CORRECTED, {"field": "Hộ tịch"})
    ]


def test_a_live_source_is_heard_up_to_now_only_when_it_is_caught_up_and_not_silent() -> None:
    now, newest = at("2025-11-10"), at("2025-11-07")
    common: dict[str, Any] = {"now": now, "newest": newest, "live": True, "as_of": None}
    assert heard_up_to(**common, backlog=False, silent=False) == now
    assert heard_up_to(**common, backlog=True, silent=False) == newest
    assert heard_up_to(**common, backlog=False, silent=True) == newest


def test_a_file_is_heard_up_to_its_export_and_not_at_all_while_it_comes_in() -> None:
    common: dict[str, Any] = {
        "now": at("2025-11-10"),
        "newest": at("2025-11-07"),
        "live": False,
        "backlog": False,
        "silent": False,
    }
    assert heard_up_to(**common, as_of=at("2025-11-08")) == at("2025-11-08")
    assert heard_up_to(**common, as_of=None) is None


KINDS = [kind.value for kind in Kind]


@st.composite
def lives(draw: st.DrawFn) -> list[Statement]:
    """Any statements at all about one dossier, in November 2025, several of them in the same instant."""
    found = [
        said(
            "received",
            f"2025-11-{draw(st.integers(1, 12)):02}",
            due_at=f"2025-11-{draw(st.integers(1, 28)):02}",
            channel=draw(st.sampled_from(["online", "direct", None])),
        )
    ]
    for number in range(draw(st.integers(0, 7))):
        day = draw(st.integers(1, 28))
        facts: dict[str, Any] = {"field": draw(st.sampled_from([None, "Hộ tịch", "Đất đai"]))}
        if draw(st.booleans()):
            facts["due_at"] = f"2025-11-{draw(st.integers(1, 28)):02}"
        found.append(said(draw(st.sampled_from(KINDS)), f"2025-11-{day:02}", id=f"n{number}", **facts))
    return found


@given(lives(), st.randoms())
def test_any_order_and_any_repetition_give_the_same_dossier(life: list[Statement], chance: random.Random) -> None:
    other = [*life, chance.choice(life)]
    chance.shuffle(other)
    assert fold(other) == fold(life)


@given(lives())
def test_a_life_always_has_one_span_a_day_and_its_entries_balance(life: list[Statement]) -> None:
    of_dossier = spans(snapshot(*life))
    for before, after in itertools.pairwise(of_dossier):
        assert before["valid_to"] == after["valid_from"]
    by_day: dict[Any, int] = {}
    for _, _, kind, _, effective_on, count in entries(of_dossier):
        sign = {"online": 1, "other": 1, "early": -1, "on_time": -1, "late": -1}.get(kind, 0)
        by_day[effective_on] = by_day.get(effective_on, 0) + sign * count
    open_now = 0
    for day in sorted(by_day):
        open_now += by_day[day]
        assert open_now in (0, 1), f"a dossier is open once or not at all, on {day}"
