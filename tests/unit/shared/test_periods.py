from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.periods import (
    PeriodBeforeUnit,
    PeriodKind,
    PeriodRules,
    UnknownPeriod,
    load_period_rules,
    parse_period,
    period,
    periods_between,
    previous_quarter,
    quarter_of,
)
from shared.rules import RuleError

RULES_ROOT = Path(__file__).parents[3] / "deploy" / "rules"
rules = load_period_rules(RULES_ROOT)
FOUNDED = date(2025, 7, 1)

days = st.dates(date(2019, 6, 1), date(2080, 12, 31))


def on(text: str) -> date:
    return datetime.strptime(text, "%d/%m/%Y").date()


@pytest.mark.parametrize(
    ("code", "begin", "end", "length"),
    [
        ("2025-Q3", "15/06/2025", "14/09/2025", 92),
        ("2025-Q4", "15/09/2025", "14/12/2025", 91),
        ("2025", "15/12/2024", "14/12/2025", 365),
        ("2026-6M", "15/12/2025", "14/06/2026", 182),
        ("2026-9M", "15/12/2025", "14/09/2026", 274),
        ("2026-Q1", "15/12/2025", "14/03/2026", 90),
        ("2026-Q2", "15/03/2026", "14/06/2026", 92),
        ("2026-Q3", "15/06/2026", "14/09/2026", 92),
        ("2026-Q4", "15/09/2026", "14/12/2026", 91),
        ("2027-Q1", "15/12/2026", "14/03/2027", 90),
    ],
)
def test_periods_run_from_the_15th_to_the_14th(code: str, begin: str, end: str, length: int) -> None:
    found = period(code, rules)
    assert (found.begin, found.end) == (on(begin), on(end))
    assert (found.end - found.begin).days + 1 == length


@pytest.mark.parametrize(
    ("code", "begin", "end", "length"),
    [
        ("2025-Q3", "01/07/2025", "14/09/2025", 76),
        ("2025-Q4", "15/09/2025", "14/12/2025", 91),
        ("2025", "01/07/2025", "14/12/2025", 167),
        ("2025-9M", "01/07/2025", "14/09/2025", 76),
        ("2025-05-01--2025-08-31", "01/07/2025", "31/08/2025", 62),
        ("2026", "15/12/2025", "14/12/2026", 365),
    ],
)
def test_a_new_units_first_periods_begin_on_its_founding_day(code: str, begin: str, end: str, length: int) -> None:
    found = period(code, rules, founded=FOUNDED)
    assert (found.begin, found.end) == (on(begin), on(end))
    assert (found.end - found.begin).days + 1 == length


def test_a_period_that_was_over_before_the_unit_is_refused() -> None:
    with pytest.raises(PeriodBeforeUnit, match="2025-Q2 was over when the unit was founded, 01/07/2025"):
        period("2025-Q2", rules, founded=FOUNDED)


@pytest.mark.parametrize("code", ["2025-6M", "2025-05-01--2025-06-30"])
def test_so_are_six_months_and_windows_before_the_unit(code: str) -> None:
    with pytest.raises(PeriodBeforeUnit, match=f"{code} was over when the unit was founded"):
        period(code, rules, founded=FOUNDED)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("2025-10-31--2025-07-01", "the window ends on 01/07/2025 before it starts on 31/10/2025; swap them"),
        ("2025-09-01--2025-09-31", "a day of it does not exist"),
    ],
)
def test_a_window_that_no_calendar_has_is_refused(code: str, reason: str) -> None:
    with pytest.raises(UnknownPeriod, match=reason):
        period(code, rules)


def test_a_window_of_one_day_is_a_window() -> None:
    found = period("2025-11-03--2025-11-03", rules)
    assert (found.begin, found.end, found.kind) == (on("03/11/2025"), on("03/11/2025"), PeriodKind.AD_HOC)


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (PeriodKind.QUARTER, ["2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2"]),
        (PeriodKind.SIX_MONTHS, ["2026-6M"]),
        (PeriodKind.NINE_MONTHS, ["2025-9M", "2026-9M"]),
        (PeriodKind.YEAR, ["2025", "2026"]),
        (PeriodKind.AD_HOC, []),
    ],
)
def test_the_periods_of_a_unit_that_have_begun(kind: PeriodKind, codes: list[str]) -> None:
    assert [one.code for one in periods_between(kind, FOUNDED, on("15/03/2026"), rules, FOUNDED)] == codes


def test_a_unit_founded_on_the_last_day_has_a_period_of_one_day() -> None:
    found = period("2025-Q2", rules, founded=on("14/06/2025"))
    assert (found.begin, found.end) == (on("14/06/2025"), on("14/06/2025"))


def test_both_ends_belong_to_the_period() -> None:
    found = period("2025-Q4", rules)
    assert on("15/09/2025") in found
    assert on("14/12/2025") in found
    assert on("14/09/2025") not in found
    assert on("15/12/2025") not in found


def test_a_period_knows_its_code_and_kind() -> None:
    assert (period("2025-Q4", rules).code, period("2025-Q4", rules).kind) == ("2025-Q4", PeriodKind.QUARTER)
    assert (period("2025", rules).code, period("2025", rules).kind) == ("2025", PeriodKind.YEAR)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "2025-Q5",
        "2025-Q0",
        "2025Q4",
        "2025-q4",
        "25-Q4",
        "2025-Q4 ",
        "2025-H1",
        "٢٠٢٥",
        "0000",
        "2025-3M",
        "2025-6m",
        "2025-Q1-6M",
        "2025-07-01-2025-07-02",
    ],
)
def test_an_unknown_code_says_what_is_accepted(code: str) -> None:
    with pytest.raises(UnknownPeriod, match="give a quarter such as 2025-Q4 or a year such as 2025"):
        parse_period(code)


def test_a_period_before_the_rule_held_is_unknown() -> None:
    with pytest.raises(UnknownPeriod, match="the rule quarter-15-14 does not hold on 14/12/2018"):
        period("2018-Q4", rules)


def test_a_period_after_the_rule_held_is_unknown() -> None:
    ended = rules.model_copy(update={"valid_to": on("31/12/2026")})
    assert period("2026-Q4", ended).end == on("14/12/2026")
    with pytest.raises(UnknownPeriod):
        period("2027-Q1", ended)


@pytest.mark.parametrize(
    ("day", "code"),
    [
        ("14/12/2025", "2025-Q4"),
        ("15/12/2025", "2026-Q1"),
        ("31/12/2025", "2026-Q1"),
        ("14/03/2026", "2026-Q1"),
        ("15/03/2026", "2026-Q2"),
        ("01/07/2025", "2025-Q3"),
        ("14/06/2025", "2025-Q2"),
    ],
)
def test_a_day_belongs_to_the_quarter_that_closes_after_it(day: str, code: str) -> None:
    assert quarter_of(on(day), rules) == code


def test_the_quarter_before_the_first_is_the_fourth_of_the_year_before() -> None:
    assert previous_quarter("2026-Q1") == "2025-Q4"
    assert previous_quarter("2025-Q4") == "2025-Q3"


def test_a_year_has_no_quarter_before() -> None:
    with pytest.raises(UnknownPeriod, match="give a quarter such as 2025-Q4"):
        previous_quarter("2025")


def test_rules_that_leave_a_gap_between_periods_are_refused(tmp_path: Path) -> None:
    text = (
        (RULES_ROOT / "periods" / "quarter-15-14.yaml")
        .read_text(encoding="utf-8")
        .replace("last_day: 14", "last_day: 13")
    )
    (tmp_path / "periods").mkdir()
    (tmp_path / "periods" / "quarter-15-14.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RuleError, match="last_day must be the day before first_day"):
        load_period_rules(tmp_path)


def test_other_closing_days_are_only_other_data() -> None:
    changed = PeriodRules(id="quarter-21-20", first_day=21, last_day=20, valid_from=date(2030, 1, 1), source="thử")
    assert period("2030-Q2", changed).begin == date(2030, 3, 21)
    assert quarter_of(date(2030, 3, 20), changed) == "2030-Q1"


@given(days)
def test_every_day_is_in_exactly_one_quarter(day: date) -> None:
    quarters = [f"{year}-Q{number}" for year in (day.year, day.year + 1) for number in (1, 2, 3, 4)]
    assert [code for code in quarters if day in period(code, rules)] == [quarter_of(day, rules)]


@given(days)
def test_quarters_follow_each_other_without_a_gap(day: date) -> None:
    code = quarter_of(day, rules)
    before = period(previous_quarter(code), rules)
    assert before.end + timedelta(days=1) == period(code, rules).begin
    assert quarter_of(before.end, rules) == previous_quarter(code)


@given(st.integers(2020, 2100))
def test_a_year_is_the_union_of_its_quarters(year: int) -> None:
    whole = period(f"{year}", rules)
    quarters = [period(f"{year}-Q{number}", rules) for number in (1, 2, 3, 4)]
    assert (whole.begin, whole.end) == (quarters[0].begin, quarters[3].end)


@given(days, days)
def test_a_cut_period_begins_neither_before_the_unit_nor_before_itself(day: date, founded: date) -> None:
    code = quarter_of(day, rules)
    whole = period(code, rules)
    if founded > whole.end:
        with pytest.raises(PeriodBeforeUnit):
            period(code, rules, founded)
    else:
        assert period(code, rules, founded).begin == max(whole.begin, founded)
