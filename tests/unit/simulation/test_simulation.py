import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.events.statements import Facts, Kind, Statement, encode_statement, parse_statement
from shared.localtime import LOCAL, local_date
from shared.workdays import load_calendar
from simulation.recordfile import write_records
from simulation.scenario import Feed, Outage, Scenario, UnknownUnit, load_scenario
from simulation.stream import Said, simulate

RULES = Path(__file__).parents[3] / "deploy" / "rules"
THANH_DONG, BINH_GIANG = "10510", "10966"
BEGIN, END = date(2025, 7, 1), date(2025, 12, 31)
FINISHES = {Kind.COMPLETED, Kind.RETURNED, Kind.WITHDRAWN, Kind.STOPPED}
FIRSTS = {Kind.SUBMITTED, Kind.RECEIVED, Kind.REFUSED}

calendar = load_calendar(RULES)
scenario = load_scenario(RULES / "simulation" / "haiphong-2025.yaml")


def run(
    units: Sequence[str] = (THANH_DONG, BINH_GIANG),
    seed: int = 2025,
    begin: date = BEGIN,
    end: date = END,
    world: Scenario = scenario,
) -> list[Said]:
    return list(simulate(units, seed, begin, end, calendar, world))


@pytest.fixture(scope="module")
def half_year() -> list[Said]:
    return run()


@pytest.fixture(scope="module")
def statements(half_year: list[Said]) -> list[Statement]:
    """Each statement once, in the order in which it happened."""
    once = {one.statement.id: one.statement for one in half_year}
    return sorted(once.values(), key=lambda statement: (statement.unit, statement.id))


def by_dossier(statements: Iterable[Statement]) -> dict[tuple[str, str], list[Statement]]:
    dossiers = defaultdict(list)
    for statement in statements:
        dossiers[statement.unit, statement.dossier].append(statement)
    return dossiers


def of_kind(statements: Iterable[Statement], *kinds: Kind, unit: str | None = None) -> list[Statement]:
    return [one for one in statements if one.kind in kinds and unit in (None, one.unit)]


def share(values: Iterable[object]) -> float:
    known = [bool(value) for value in values]
    return sum(known) / len(known)


def test_the_same_seed_says_the_same_things(half_year: list[Said]) -> None:
    assert run() == half_year


def test_another_seed_says_other_things(half_year: list[Said]) -> None:
    assert run(seed=2026)[:100] != half_year[:100]


def test_another_unit_beside_it_changes_nothing_of_what_a_unit_says(half_year: list[Said]) -> None:
    assert run([BINH_GIANG]) == [one for one in half_year if one.statement.unit == BINH_GIANG]


def test_a_later_end_changes_nothing_of_what_was_said_before(half_year: list[Said]) -> None:
    earlier = run(end=date(2025, 9, 30))
    assert earlier == half_year[: len(earlier)]


def test_the_stream_is_lazy() -> None:
    endless = simulate([THANH_DONG], 1, BEGIN, date(2125, 12, 31), calendar, scenario)
    assert len(list(islice(endless, 50))) == 50


def test_a_unit_without_a_profile_is_named() -> None:
    with pytest.raises(UnknownUnit, match="unit 10525 has no profile in scenario haiphong-2025"):
        run(["10525"])


def test_everything_is_said_in_order_after_it_happened_and_not_after_the_end(half_year: list[Said]) -> None:
    assert all(first.said_at <= second.said_at for first, second in pairwise(half_year))
    assert all(one.said_at > one.statement.time for one in half_year)
    assert local_date(half_year[0].statement.time) == BEGIN
    assert local_date(half_year[-1].said_at) == END


def test_every_statement_survives_the_wire(half_year: list[Said]) -> None:
    for one in half_year:
        parsed = parse_statement(
            encode_statement(one.statement), knows_unit=scenario.units.__contains__, now=one.said_at
        )
        assert parsed == one.statement


def test_ids_are_running_numbers_in_the_order_of_happening(statements: list[Statement]) -> None:
    for unit in (THANH_DONG, BINH_GIANG):
        own = [one for one in statements if one.unit == unit]
        assert own[0].id == f"hp-{unit}-000001"
        assert own[0].source == f"/onestop/31/{unit}"
        assert all(first.time <= second.time for first, second in pairwise(own))


def test_one_id_always_stands_for_one_statement(half_year: list[Said]) -> None:
    assert len({one.statement.id for one in half_year}) == len({encode_statement(one.statement) for one in half_year})


def test_nobody_is_received_outside_working_hours(statements: list[Statement]) -> None:
    for one in of_kind(statements, Kind.RECEIVED):
        local = one.time.astimezone(LOCAL)
        assert calendar.is_working(local.date())
        assert time(7, 30) <= local.time() < time(11, 30) or time(13, 30) <= local.time() < time(17)


def test_officers_finish_in_working_hours(statements: list[Statement]) -> None:
    for one in of_kind(statements, *FINISHES, Kind.SUPPLEMENT_REQUESTED, Kind.EXTENDED):
        assert calendar.working_minutes_between(one.time - timedelta(minutes=2), one.time + timedelta(minutes=2)) >= 1


def test_people_file_online_in_the_evening_and_on_days_off(statements: list[Statement]) -> None:
    filed = [one.time.astimezone(LOCAL) for one in of_kind(statements, Kind.SUBMITTED)]
    assert 0.2 < share(instant.hour >= 17 for instant in filed) < 0.5
    assert 0.02 < share(not calendar.is_working(instant.date()) for instant in filed) < 0.12


def test_mornings_and_mondays_are_busy_and_bridge_days_are_quiet(statements: list[Statement]) -> None:
    counter = [
        one.time.astimezone(LOCAL) for one in of_kind(statements, Kind.RECEIVED) if one.facts.channel == "direct"
    ]
    assert 0.55 < share(instant.hour < 12 for instant in counter) < 0.75
    weekdays = Counter(instant.weekday() for instant in counter)
    assert weekdays[0] > weekdays[4]
    filed = Counter(local_date(min(one.time for one in life)) for life in by_dossier(statements).values())
    working = [filings for day, filings in filed.items() if calendar.is_working(day)]
    assert filed[date(2025, 8, 29)] + filed[date(2025, 9, 3)] < 2 * 0.8 * sum(working) / len(working)


def test_online_filings_are_mostly_taken_in_within_eight_working_hours(statements: list[Statement]) -> None:
    waits = [
        calendar.working_minutes_between(one.facts.submitted_at, one.time)
        for one in of_kind(statements, Kind.RECEIVED)
        if one.facts.submitted_at
    ]
    assert 0.93 < share(wait <= 8 * 60 for wait in waits) < 0.985


def test_promises_end_with_the_office_hours_of_a_working_day(statements: list[Statement]) -> None:
    promises = [due for one in statements for due in (one.facts.due_at, one.facts.extended_due_at) if due]
    assert promises
    for due in promises:
        assert calendar.is_working(local_date(due))
        assert due.astimezone(LOCAL).time() == time(17)


def test_what_is_taken_in_after_three_is_promised_for_the_next_working_day(statements: list[Statement]) -> None:
    copies = [one for one in of_kind(statements, Kind.RECEIVED) if one.facts.procedure == "2.000815"]
    late_ones = 0
    for one in copies:
        after_three = one.time.astimezone(LOCAL).time() >= time(15)
        late_ones += after_three
        day = local_date(one.time)
        assert local_date(one.facts.due_at or one.time) == (calendar.add_working_days(day, 1) if after_three else day)
    assert 0 < late_ones < len(copies)


def test_an_answer_moves_the_promise_by_the_time_waited(statements: list[Statement]) -> None:
    moved = 0
    for life in by_dossier(statements).values():
        for answer in of_kind(life, Kind.SUPPLEMENTED):
            assert answer.facts.due_at is not None
            assert local_date(answer.facts.due_at) >= local_date(answer.time)
            moved += 1
    assert moved > 100


def test_every_dossier_begins_with_a_filing_a_reception_or_a_refusal(half_year: list[Said]) -> None:
    # What begins before December has long been said at the end of the year, however late the feed was.
    spoken = (one.statement for one in half_year if local_date(one.statement.time) < date(2025, 12, 1))
    for life in by_dossier(spoken).values():
        assert min(life, key=lambda one: one.id).kind in FIRSTS


def test_a_refused_filing_is_never_received(statements: list[Statement]) -> None:
    refused = {(one.unit, one.dossier) for one in of_kind(statements, Kind.REFUSED)}
    received = {(one.unit, one.dossier) for one in of_kind(statements, Kind.RECEIVED)}
    assert refused
    assert not refused & received


def test_dossier_codes_are_unique_and_carry_the_day(statements: list[Statement]) -> None:
    received = of_kind(statements, Kind.RECEIVED)
    assert len({one.dossier for one in received}) == len(received)
    assert all(re.fullmatch(r"H24\.10[13]-25\d{4}-\d{4,5}", one.dossier) for one in received)
    numbered = [one for one in received if re.search(r"-\d{4}$", one.dossier)]
    assert 0.85 < len(numbered) / len(received) < 0.97
    assert all(f"-{local_date(one.time):%y%m%d}-" in one.dossier for one in numbered)


def test_procedures_carry_the_names_and_fields_of_the_scenario(statements: list[Statement]) -> None:
    names = {procedure.code: procedure.name for procedure in scenario.procedures}
    for one in of_kind(statements, Kind.RECEIVED):
        assert one.facts.procedure_name == names[one.facts.procedure or ""]


def test_no_text_comes_from_anywhere_but_the_scenario(statements: list[Statement]) -> None:
    """So there is no name, address or number of a citizen."""
    reasons = [reason for _, listed in scenario.reasons for reason in listed]
    words = {text for reason in reasons for text in (reason.code, reason.text)}
    words |= {text for one in scenario.procedures for text in (one.code, one.name, one.field, one.agency)}
    words |= {
        "ttpvhcc",
        "direct",
        "online",
        "post",
        "full",
        "partial",
        "none",
        "citizen",
        "business",
        "paper",
        "electronic",
    }
    for one in statements:
        facts = (getattr(one.facts, name) for name in Facts.__struct_fields__)
        assert {fact for fact in facts if isinstance(fact, str)} <= words


@pytest.mark.parametrize(("unit", "fewest", "most"), [(THANH_DONG, 20, 30), (BINH_GIANG, 12, 18)])
def test_a_working_day_brings_what_the_unit_is_used_to(
    statements: list[Statement], unit: str, fewest: int, most: int
) -> None:
    received = of_kind(statements, Kind.RECEIVED, unit=unit)
    days = {local_date(one.time) for one in received}
    assert fewest < len(received) / len(days) < most


@pytest.mark.parametrize("unit", [THANH_DONG, BINH_GIANG])
def test_shares_lie_in_their_bands(statements: list[Statement], unit: str) -> None:
    received = [one.facts for one in of_kind(statements, Kind.RECEIVED, unit=unit)]
    completed = [one.facts for one in of_kind(statements, Kind.COMPLETED, unit=unit)]
    rated = [one.facts for one in of_kind(statements, Kind.RATED, unit=unit)]

    assert 0.65 < share(facts.channel == "online" for facts in received) < 0.75
    assert 0.55 < share(facts.paid_online for facts in received if facts.fee_due) < 0.70
    assert 0.88 < share((facts.rating or 0) >= 4 for facts in rated) < 0.96
    assert 0.30 < len(rated) / len(completed) < 0.40
    assert 0.93 < share(facts.digitised_input for facts in received) < 1
    assert 0.85 < share(facts.digitised_result for facts in completed) < 1
    assert all(facts.paid_online is None for facts in received if not facts.fee_due)


@pytest.mark.parametrize("unit", [THANH_DONG, BINH_GIANG])
def test_most_are_done_in_time_and_some_are_late(statements: list[Statement], unit: str) -> None:
    in_time = []
    for life in by_dossier(one for one in statements if one.unit == unit).values():
        due = [one.facts.due_at for one in life if one.facts.due_at]
        if (finished := of_kind(life, *FINISHES)) and due:
            in_time.append(
                finished[0].kind is not Kind.COMPLETED or local_date(finished[0].time) <= local_date(due[-1])
            )
    assert 0.93 < share(in_time) < 0.985


def test_some_dossiers_stay_open_at_the_end(statements: list[Statement]) -> None:
    lives = [life for life in by_dossier(statements).values() if of_kind(life, Kind.RECEIVED)]
    assert 0.005 < share(not of_kind(life, *FINISHES) for life in lives) < 0.06


def test_copies_from_the_original_become_electronic_more_often(statements: list[Statement]) -> None:
    copies = [one for one in of_kind(statements, Kind.COMPLETED, unit=BINH_GIANG) if one.facts.certified_copy]
    summer = [one.facts.certified_copy == "electronic" for one in copies if one.time.month <= 9]
    autumn = [one.facts.certified_copy == "electronic" for one in copies if one.time.month > 9]
    assert share(summer) < share(autumn) < 0.8


def test_every_kind_occurs(statements: list[Statement]) -> None:
    assert {one.kind for one in statements} == set(Kind)


def test_a_finished_dossier_is_very_rarely_opened_again(statements: list[Statement]) -> None:
    again = [life for life in by_dossier(statements).values() if len(of_kind(life, Kind.COMPLETED)) > 1]
    assert 0 < len(again) < 30


def test_an_apology_comes_before_the_result(statements: list[Statement]) -> None:
    for life in by_dossier(statements).values():
        if (letters := of_kind(life, Kind.APOLOGISED, Kind.EXTENDED)) and (results := of_kind(life, Kind.COMPLETED)):
            assert letters[-1].time <= results[0].time


def test_some_statements_come_twice_and_some_late(half_year: list[Said]) -> None:
    first_said: dict[str, datetime] = {}
    for one in half_year:
        first_said.setdefault(one.statement.id, one.said_at)
    assert 0.02 < 1 - len(first_said) / len(half_year) < 0.04

    times = {one.statement.id: one.statement.time for one in half_year if one.statement.unit == THANH_DONG}
    delays = [first_said[id] - happened for id, happened in times.items()]
    assert 0.03 < share(delay > timedelta(hours=1) for delay in delays) < 0.05
    assert 0 < share(delay > timedelta(days=5) for delay in delays) < 0.01


def test_some_statements_are_overtaken(half_year: list[Said]) -> None:
    ids = [one.statement.id for one in half_year if one.statement.unit == THANH_DONG]
    assert share(first > second for first, second in pairwise(ids)) > 0.02


def test_after_an_outage_everything_is_said_in_a_burst(half_year: list[Said]) -> None:
    (outage,) = scenario.feed.outages
    said = [one for one in half_year if one.statement.unit == outage.unit]
    assert not [one for one in said if outage.begin <= one.said_at < outage.end]
    burst = [one for one in said if outage.end <= one.said_at < outage.end + timedelta(minutes=15)]
    assert len([one for one in burst if outage.begin <= one.statement.time < outage.end]) > 80


def test_an_outage_keeps_the_order_of_what_it_held_back() -> None:
    outage = Outage(unit=BINH_GIANG, begin=datetime(2025, 10, 14, tzinfo=UTC), end=datetime(2025, 10, 15, tzinfo=UTC))
    held = [outage.said(outage.begin + timedelta(hours=hours), 0.01) for hours in (0, 1, 23)]
    assert held == sorted(held)
    assert held[0] == outage.end


def test_a_feed_without_faults_says_each_thing_once_and_at_once() -> None:
    calm = Feed(duplicated=0, late=0, very_late=0, overtaken=0, burst_ratio=0.1, outages=[])
    said = run(world=scenario.model_copy(update={"feed": calm}), end=date(2025, 7, 31))
    assert len({one.statement.id for one in said}) == len(said)
    assert max(one.said_at - one.statement.time for one in said) <= timedelta(minutes=1)


def test_a_record_file_holds_one_record_a_line_in_the_order_of_saying(tmp_path: Path) -> None:
    said = run(end=date(2025, 7, 4))
    plain, packed = tmp_path / "records.jsonl", tmp_path / "records.jsonl.gz"
    assert write_records(said, plain) == write_records(iter(said), packed) == len(said)
    assert plain.read_bytes().splitlines() == [encode_statement(one.statement) for one in said]
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


def test_a_packed_record_file_is_the_same_every_time(tmp_path: Path) -> None:
    said = run(end=date(2025, 7, 4))
    first, second = tmp_path / "first.jsonl.gz", tmp_path / "second.jsonl.gz"
    write_records(said, first)
    write_records(said, second)
    assert first.read_bytes() == second.read_bytes()


def test_a_scenario_with_a_field_that_no_procedure_has_is_refused() -> None:
    world = scenario.model_dump()
    world["units"][BINH_GIANG]["mix"]["Đầu tư"] = 2.0
    with pytest.raises(ValidationError, match="unit 10966 names fields that no procedure has: Đầu tư"):
        Scenario.model_validate(world)
