"""Petitions: timelines and dates written by hand (domain.md §6, §7), and the same state whatever the order of arrival."""

from __future__ import annotations

import itertools
import json
import random
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dossier.files import open_file
from services.dossier.petitions.api import standing
from services.dossier.petitions.domain import fold, running_due_at, settled_late, told_by, was_overdue
from services.dossier.petitions.messages import FINDING, STATUS
from services.dossier.petitions.rules import Deadline, Terms, load_petition_rules
from shared.events.petition_snapshots import PetitionEvent, PetitionSnapshot
from shared.events.petitions import PetitionFacts, PetitionKind, PetitionStatement
from shared.events.records import encode_record, parse_record
from shared.events.statements import Refused, Statement
from shared.localtime import LOCAL
from shared.petition_facts import petition_spans
from shared.rules import RuleError
from shared.settings import RULES
from shared.workdays import load_calendar

TERMS = Terms(rules=load_petition_rules(RULES), calendar=load_calendar(RULES))
NOW = datetime.fromisoformat("2025-12-31T09:00:00+07:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else f"{text}T09:00:00").replace(tzinfo=LOCAL)


def end_of(day: str) -> datetime:
    """When office hours end on a day: 17:00."""
    return at(f"{day}T17:00:00")


def said(kind: str, when: str, *, id: str = "", **facts: Any) -> PetitionStatement:
    values = {name: at(value) if name.endswith("_at") else value for name, value in facts.items()}
    return PetitionStatement(
        source="/test", id=id or f"{kind}-{when}", kind=PetitionKind(f"petition.{kind}"), unit="10966",
        petition="PAKN-1", time=at(when), facts=PetitionFacts(**values),
    )  # fmt: skip


def snapshot(*statements: PetitionStatement) -> PetitionSnapshot:
    folded = fold(statements, TERMS)
    return PetitionSnapshot(
        unit="10966", petition="PAKN-1", revision=len(statements), source="/test", recorded_at=NOW,
        state=folded.state, timeline=list(folded.timeline), findings=list(folded.findings),
    )  # fmt: skip


RECEIVED = said("received", "2025-11-03")
"""A Monday: to be transferred by 10/11, answered by 24/11, by 01/12 when it is complex."""


@pytest.mark.parametrize(
    ("received", "transfer", "answer", "complex_answer"),
    [
        ("2025-11-03", "2025-11-10", "2025-11-24", "2025-12-01"),
        ("2025-08-29", "2025-09-09", "2025-09-23", "2025-09-30"),  # 01/09 and 02/09 off
        ("2025-12-31", "2026-01-09", "2026-01-22", "2026-01-29"),  # 01/01 and 02/01 off, Saturday 10/01 worked
        ("2026-02-13", "2026-02-27", "2026-03-13", "2026-03-20"),  # Tết, 16/02 to 20/02
        ("2025-11-08", "2025-11-14", "2025-11-28", "2025-12-05"),  # received on a Saturday
    ],
)
def test_deadlines_are_working_days_after_the_reception(
    received: str, transfer: str, answer: str, complex_answer: str
) -> None:
    plain = fold([said("received", received)], TERMS).state
    assert (plain.transfer_due_at, plain.answer_due_at) == (end_of(transfer), end_of(answer))
    difficult = fold([said("received", received, complex=True)], TERMS).state
    assert (difficult.transfer_due_at, difficult.answer_due_at) == (end_of(transfer), end_of(complex_answer))


def test_before_the_first_rules_there_is_no_deadline_and_nothing_is_late() -> None:
    folded = fold([said("received", "2025-06-30"), said("answered", "2025-12-30")], TERMS)
    assert (folded.state.transfer_due_at, folded.state.answer_due_at) == (None, None)
    assert not settled_late(folded.state)
    assert "no_rule_in_force" in folded.findings


def test_a_life_from_reception_to_the_senders_verdict() -> None:
    life = [
        RECEIVED,
        said("classified", "2025-11-04", petition_class="rules"),
        said("transferred", "2025-11-05", agency="van-phong"),
        said("processing", "2025-11-06"),
        said("answered", "2025-11-24T16:59:00"),
        said("published", "2025-11-25"),
        said("rated", "2025-11-26", satisfied=True),
    ]
    statuses = [fold(life[: n + 1], TERMS).state.status for n in range(len(life))]
    assert statuses == ["received", "classified", "transferred", "processing", "answered", "published", "satisfied"]
    state = fold(life, TERMS).state
    assert (state.petition_class, state.agency, state.outcome) == ("rules", "van-phong", "answered")
    assert (state.transferred_at, state.checked_at, state.settled_at) == (
        at("2025-11-05"), at("2025-11-05"), at("2025-11-24T16:59:00"),
    )  # fmt: skip
    assert not settled_late(state)
    assert fold(life, TERMS).findings == []


def test_the_answer_is_on_time_on_its_last_day_and_late_on_the_day_after() -> None:
    assert not settled_late(fold([RECEIVED, said("answered", "2025-11-24T23:59:00")], TERMS).state)
    assert settled_late(fold([RECEIVED, said("answered", "2025-11-25T00:00:00")], TERMS).state)


@pytest.mark.parametrize("kind", ["transferred", "processing", "rejected", "answered"])
def test_the_transfer_deadline_is_met_by_whatever_shows_that_somebody_has_looked(kind: str) -> None:
    classified = fold([RECEIVED, said("classified", "2025-11-04", petition_class="staff")], TERMS).state
    assert running_due_at(classified, Deadline.TRANSFER) == end_of("2025-11-10")
    met = fold([RECEIVED, said(kind, "2025-11-06")], TERMS).state
    assert running_due_at(met, Deadline.TRANSFER) is None
    assert met.checked_at == at("2025-11-06")
    shown = standing(met, at("2025-11-30"))
    assert shown["transfer"].standing == "met"
    assert shown["answer"].standing == ("met" if kind in ("rejected", "answered") else "late")


def test_a_rejection_ends_it_with_its_reason() -> None:
    state = fold([RECEIVED, said("rejected", "2025-11-06", reason_code="anonymous")], TERMS).state
    assert (state.status, state.outcome, state.reason_code) == ("rejected", "rejected", "anonymous")
    assert running_due_at(state, Deadline.ANSWER) is None


def test_progress_after_the_answer_opens_nothing_again() -> None:
    folded = fold([RECEIVED, said("answered", "2025-11-10"), said("processing", "2025-11-11")], TERMS)
    assert (folded.state.status, folded.state.settled_at) == ("answered", at("2025-11-10"))
    assert "backward_move" in folded.findings
    twice = fold([RECEIVED, said("answered", "2025-11-10"), said("rejected", "2025-11-28")], TERMS)
    assert (twice.state.outcome, twice.state.settled_at) == ("answered", at("2025-11-10"))
    assert "settled_twice" in twice.findings


def test_a_complaint_about_the_answer_begins_a_new_limit_and_never_erases_lateness() -> None:
    late = [RECEIVED, said("answered", "2025-11-25"), said("published", "2025-11-26")]
    state = fold([*late, said("reopened", "2025-12-01")], TERMS).state
    assert (state.status, state.settled_at, state.published_at) == ("reopened", None, None)
    assert (state.reopenings, state.late_rounds) == (1, 1)
    assert state.answer_due_at == end_of("2025-12-22")  # 15 working days after Monday 01/12
    assert state.transfer_due_at == end_of("2025-11-10")
    again = fold([*late, said("reopened", "2025-12-01"), said("answered", "2025-12-02")], TERMS).state
    assert (again.outcome, again.late_rounds, settled_late(again)) == ("answered", 1, False)
    in_time = fold([RECEIVED, said("answered", "2025-11-24"), said("reopened", "2025-12-01")], TERMS).state
    assert (in_time.reopenings, in_time.late_rounds) == (1, 0)


def test_a_complaint_before_the_answer_is_counted_and_moves_no_deadline() -> None:
    folded = fold([RECEIVED, said("reopened", "2025-11-10")], TERMS)
    assert (folded.state.reopenings, folded.state.status) == (1, "received")
    assert folded.state.answer_due_at == end_of("2025-11-24")
    assert "complained_while_open" in folded.findings


def test_only_a_correction_moves_the_reception_and_its_deadlines() -> None:
    again = said("received", "2025-11-05", received_at="2025-11-05")
    assert fold([again, RECEIVED], TERMS).state.answer_due_at == end_of("2025-11-24")
    corrected = fold([RECEIVED, said("updated", "2025-11-06", received_at="2025-11-04")], TERMS).state
    assert (corrected.received_at, corrected.answer_due_at) == (at("2025-11-04"), end_of("2025-11-25"))


def test_an_overdue_is_taken_back_when_the_answer_turns_out_to_have_come_in_time() -> None:
    due = end_of("2025-11-24")
    assert was_overdue(fold([RECEIVED], TERMS).timeline, Deadline.ANSWER, due)
    in_time = fold([RECEIVED, said("answered", "2025-11-24T18:00:00")], TERMS)
    assert not was_overdue(in_time.timeline, Deadline.ANSWER, due)
    late = fold([RECEIVED, said("answered", "2025-11-25")], TERMS)
    assert was_overdue(late.timeline, Deadline.ANSWER, due)
    transferred = fold([RECEIVED, said("transferred", "2025-11-10T20:00:00")], TERMS)
    assert was_overdue(fold([RECEIVED], TERMS).timeline, Deadline.TRANSFER, end_of("2025-11-10"))
    assert not was_overdue(transferred.timeline, Deadline.TRANSFER, end_of("2025-11-10"))


@pytest.mark.parametrize(
    ("later", "stands"),
    [
        ([said("answered", "2025-11-28", complex=True)], False),  # within 20 working days
        ([said("answered", "2025-12-01T17:30:00", complex=True)], False),
        ([said("answered", "2025-12-02", complex=True)], True),  # late for the longer deadline too
        ([said("classified", "2025-11-26", petition_class="rules", complex=True)], False),  # may still be in time
        ([said("answered", "2025-11-28"), said("updated", "2025-12-09", complex=True)], False),
        ([said("answered", "2025-11-28"), said("reopened", "2025-12-01"), said("answered", "2025-12-03", complex=True)], True),
    ],
)  # fmt: skip
def test_that_it_is_complex_takes_an_overdue_back_when_the_longer_deadline_was_kept(
    later: list[PetitionStatement], stands: bool
) -> None:
    folded = fold([RECEIVED, *later], TERMS)
    assert was_overdue(folded.timeline, Deadline.ANSWER, end_of("2025-11-24")) is stands


def test_each_transition_is_told_once_and_any_other_change_is_a_correction() -> None:
    first = snapshot(RECEIVED)
    assert [(event, when) for event, when, _ in told_by(None, first)] == [(PetitionEvent.RECEIVED, at("2025-11-03"))]
    classified = snapshot(RECEIVED, said("classified", "2025-11-04", petition_class="rules"))
    [(event, when, changed)] = told_by(first, classified)
    assert (event, when) == (PetitionEvent.CORRECTED, at("2025-11-04"))
    assert changed == {"status": "classified", "petition_class": "rules"}
    answered = snapshot(RECEIVED, said("transferred", "2025-11-05"), said("answered", "2025-11-06"))
    assert [event for event, _, _ in told_by(first, answered)] == [PetitionEvent.TRANSFERRED, PetitionEvent.ANSWERED]
    # a second answer changes nothing, and still its revision has to reach the readers
    twice = snapshot(
        RECEIVED, said("transferred", "2025-11-05"), said("answered", "2025-11-06"), said("answered", "2025-11-07")
    )
    assert [event for event, _, _ in told_by(answered, twice)] == [PetitionEvent.CORRECTED]


def test_what_is_unusual_is_found_and_every_finding_and_status_has_its_text() -> None:
    odd = {
        "agency_missing": [RECEIVED, said("transferred", "2025-11-05")],
        "class_missing": [RECEIVED, said("answered", "2025-11-05")],
        "progress_before_reception": [said("processing", "2025-11-01"), RECEIVED],
        "published_without_answer": [RECEIVED, said("published", "2025-11-05")],
        "rated_before_answer": [RECEIVED, said("rated", "2025-11-05", satisfied=False)],
        "reason_missing": [RECEIVED, said("rejected", "2025-11-05")],
        "settled_before_received": [said("answered", "2025-11-01"), RECEIVED],
    }
    for finding, life in odd.items():
        assert finding in fold(life, TERMS).findings
    elsewhere = {"backward_move", "complained_while_open", "no_rule_in_force", "settled_twice"}
    assert odd.keys() | elsewhere == FINDING.keys()
    names = {kind.removeprefix("petition.") for kind in PetitionKind} - {"rated", "updated"}
    assert STATUS.keys() == names | {"unknown", "satisfied", "dissatisfied"}


@st.composite
def lives(draw: st.DrawFn) -> list[PetitionStatement]:
    """Any statements within two months; several at one instant, and a reception among them or not."""
    found = []
    for number in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from([kind.removeprefix("petition.") for kind in PetitionKind]))
        month, day = draw(st.sampled_from([(11, d) for d in range(1, 31)] + [(12, d) for d in range(1, 31)]))
        facts: dict[str, Any] = {"complex": draw(st.sampled_from([None, None, True, False]))}
        if kind == "rated":
            facts["satisfied"] = draw(st.booleans())
        if kind == "updated" and draw(st.booleans()):
            facts["received_at"] = f"2025-11-{draw(st.integers(1, 30)):02d}"
        hour = draw(st.sampled_from([8, 15]))
        found.append(said(kind, f"2025-{month:02d}-{day:02d}T{hour:02d}:00:00", id=str(number), **facts))
    return found


@given(lives(), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_give_the_same_petition(
    life: list[PetitionStatement], chance: random.Random
) -> None:
    shuffled = [*life, *chance.sample(life, len(life) // 2)]
    chance.shuffle(shuffled)
    assert fold(shuffled, TERMS) == fold(life, TERMS)


@given(lives(), st.randoms(use_true_random=False))
def test_what_was_told_piece_by_piece_in_any_order_ends_with_the_same_transitions(
    life: list[PetitionStatement], chance: random.Random
) -> None:
    """A reader that hears every event ends with the newest revision, and with every transition that the whole set tells."""
    arrived, before, told = list(life), None, list[tuple[PetitionEvent, datetime]]()
    chance.shuffle(arrived)
    for count in range(1, len(arrived) + 1):
        after = snapshot(*arrived[:count])
        said_now = told_by(before, after)
        assert said_now
        told += [(event, when) for event, when, _ in said_now]
        # as the database gives it back: instants inside the timeline have become text
        before = msgspec.json.decode(msgspec.json.encode(after), type=PetitionSnapshot)
    at_once = {(event, when) for event, when, _ in told_by(None, snapshot(*life))}
    assert {one for one in at_once if one[0] is not PetitionEvent.CORRECTED} <= set(told)


@given(lives())
def test_a_petition_has_at_most_one_span_a_day_and_no_gap_between_them(life: list[PetitionStatement]) -> None:
    spans = petition_spans(snapshot(*life))
    for earlier, later in itertools.pairwise(spans):
        assert earlier["valid_to"] == later["valid_from"]
    if spans:
        assert spans[-1]["valid_to"] == date(9999, 12, 31)
        assert all(one["late_rounds"] <= one["reopenings"] for one in spans)
        assert all((one["settled_on"] is None) == (one["outcome"] is None) for one in spans)


def a_record(kind: str = "received", **changed: Any) -> dict[str, Any]:
    data = {"unit": "10966", "petition": "PAKN-1", **changed.pop("data", {})}
    return {
        "specversion": "1.0", "id": "p-1", "source": "/onestop/31/10966", "subject": "PAKN-1",
        "type": f"vn.motcua.onestop.petition.{kind}.v1", "time": "2025-11-03T09:00:00+07:00",
        "data": {name: value for name, value in data.items() if value is not None}, **changed,
    }  # fmt: skip


def parse(one: dict[str, Any]) -> Any:
    body = json.dumps(one, ensure_ascii=False).encode()
    return parse_record(body, knows_unit={"10966"}.__contains__, now=NOW)


def test_a_record_says_its_facts_and_nothing_about_its_sender() -> None:
    facts = {"class": "staff", "complex": False, "agency": "kinh-te", "channel": "online", "field": "Đất  đai",
             "sender": "Nguyễn Văn A", "phone": "0912345678", "content": "Cán bộ gây phiền hà"}  # fmt: skip
    statement = parse(a_record("classified", data=facts, correlationid="c-1"))
    assert statement == PetitionStatement(
        source="/onestop/31/10966", id="p-1", kind=PetitionKind.CLASSIFIED, unit="10966", petition="PAKN-1",
        time=at("2025-11-03"), correlation="c-1",
        facts=PetitionFacts(petition_class="staff", complex=False, agency="kinh-te", channel="online", field="Đất đai"),
    )  # fmt: skip
    body = encode_record(statement)
    assert json.loads(body)["data"]["class"] == "staff"
    for personal in ("Nguyễn", "0912345678", "phiền hà"):
        assert personal not in body.decode()
    assert parse_record(body, knows_unit={"10966"}.__contains__, now=NOW) == statement


def test_a_record_of_a_dossier_is_still_one_of_a_dossier() -> None:
    one = {**a_record(), "type": "vn.motcua.onestop.received.v1", "data": {"unit": "10966", "dossier": "D"}}
    assert isinstance(parse(one), Statement)


@pytest.mark.parametrize(
    ("one", "field", "reason"),
    [
        (a_record("eaten"), "type", "unknown kind"),
        (a_record(data={"petition": None}), "data.petition", "is missing"),
        (a_record(data={"petition": " "}), "data.petition", "is blank"),
        (a_record(data={"unit": "99999"}), "data.unit", "unknown unit"),
        (a_record(time="2025-11-03T09:00:00"), "time", "has no offset"),
        (a_record(time="2026-01-01T09:00:00+07:00"), "data.received_at", "lies in the future"),
        (a_record(data={"received_at": "0001-01-01T00:00:00Z"}), "data.received_at", "lies in the year 1"),
        (a_record(id="a\u0000b"), "id", "control characters"),
        (a_record("rejected", data={"reason_code": "boring"}), "data.reason_code", "invalid enum value"),
        (a_record("classified", data={"class": "weather"}), "data.class", "invalid enum value"),
        (a_record("answered", data={"complex": "yes"}), "data.complex", "expected `bool"),
        (a_record("rated"), "data.satisfied", "is missing"),
    ],
)
def test_a_bad_record_is_refused_with_its_field_and_its_reason(one: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(one)
    assert refused.value.field == field
    assert reason in refused.value.reason
    assert refused.value.advice


def test_a_record_file_may_hold_petitions_among_dossiers(tmp_path: Path) -> None:
    dossier = {**a_record(id="d-1"), "type": "vn.motcua.onestop.received.v1", "data": {"unit": "10966", "dossier": "D"}}
    lines = [dossier, a_record(), a_record("rated", id="p-2"), a_record("answered", id="p-3")]
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in lines), "utf-8")
    opened = open_file(file, knows_unit={"10966"}.__contains__, now=NOW)
    items = list(opened.items())
    assert [(item.line, item.key, len(item.statements)) for item in items] == [
        (1, "D", 1), (2, "PAKN-1", 1), (3, "PAKN-1", 0), (4, "PAKN-1", 1),
    ]  # fmt: skip
    assert items[2].refused is not None and items[2].refused.field == "data.satisfied"
    assert opened.sources() == {"/onestop/31/10966": at("2025-11-03")}


def rules_file(place: Path, *versions: str) -> list[str]:
    (place / "petitions.yaml").write_text("id: petitions\nversions:\n" + "".join(versions), "utf-8")
    with pytest.raises(RuleError) as caught:
        load_petition_rules(place)
    return [str(one).removeprefix(f"{place.as_posix()}/") for one in caught.value.problems]


def test_rules_without_a_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "petitions.yaml").write_text("id: petitions\nversions: []\n", "utf-8")
    with pytest.raises(RuleError, match=r"petitions\.yaml:2: versions: there is no version"):
        load_petition_rules(tmp_path)


def a_version(begin: str, **changed: str) -> str:
    limits = {"transfer": "5 ngày làm việc", "answer": "15 ngày làm việc", "complex": "20 ngày làm việc", **changed}
    return f"  - valid_from: {begin}\n" + "".join(f'    {name}: "{text}"\n' for name, text in limits.items())


def test_a_mistake_in_the_rules_is_named_with_file_line_and_field(tmp_path: Path) -> None:
    [said_] = rules_file(tmp_path, a_version("2025-07-01", answer="15"))
    assert said_.startswith("petitions.yaml:5: versions[0].answer: '15' is not one limit with its unit")
    [said_] = rules_file(tmp_path, a_version("2025-07-01", complex="20 / 30 ngày làm việc"))
    assert said_.startswith("petitions.yaml:6: versions[0].complex: ")
    [said_] = rules_file(tmp_path, a_version("2025-07-01"), a_version("2026-01-01"))
    assert said_.startswith("petitions.yaml:7: versions[1].valid_from: the version above has no end")


def test_a_petition_keeps_the_rules_of_the_day_of_its_reception(tmp_path: Path) -> None:
    old = a_version("2025-07-01") + "    valid_to: 2025-10-31\n"
    (tmp_path / "petitions.yaml").write_text(
        "id: petitions\nversions:\n" + old + a_version("2025-11-01", answer="10 ngày làm việc"), "utf-8"
    )
    terms = Terms(rules=load_petition_rules(tmp_path), calendar=load_calendar(RULES))
    before = fold([said("received", "2025-10-31")], terms).state
    after = fold([said("received", "2025-11-03")], terms).state
    assert before.answer_due_at == end_of("2025-11-21")
    assert after.answer_due_at == end_of("2025-11-17")
    reopened = [said("received", "2025-10-31"), said("answered", "2025-11-03"), said("reopened", "2025-12-01")]
    assert fold(reopened, terms).state.answer_due_at == end_of("2025-12-22")
