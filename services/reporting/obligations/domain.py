"""What is owed and by when, and the life of one owed report; days and instants are arguments, nothing is looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.reporting.obligations import messages
from services.reporting.obligations.rules import Due, Obligation, Obligations, PartyKind
from shared.events.owed_reports import OwedReportEvent
from shared.periods import Period, PeriodKind, PeriodRules, periods_between
from shared.workdays import Calendar

OPENED, CANCELLED = OwedReportEvent.OPENED, OwedReportEvent.CANCELLED
FROM_DEPARTMENT = (OPENED, OwedReportEvent.RECEIVED, OwedReportEvent.CHECKED, OwedReportEvent.COMPILED)
OF_THE_UNIT = (OPENED, OwedReportEvent.COMPILED, OwedReportEvent.SENT, OwedReportEvent.ACKNOWLEDGED)
"""The two lives: a department hands in and the centre folds it into the unit's report, which is sent and acknowledged."""
STATE_WORDS: Mapping[str, str] = {
    "opened": "not handed in yet", "received": "received", "checked": "checked", "compiled": "compiled", "sent": "sent",
    "acknowledged": "acknowledged", "cancelled": "not owed any more",
}  # fmt: skip


class NoSuchObligation(LookupError):
    """Nobody owes this report."""

    def __init__(self, unit: str, code: str, reason: str = "see motcua report calendar") -> None:
        super().__init__(f"unit {unit} is owed no report {code}: {reason}")


class OutOfOrder(Exception):
    """A deed that does not follow on the state."""

    def __init__(self, code: str, wanted: str, state: str, why: str) -> None:
        super().__init__(f"{code} cannot be {wanted}: it is {STATE_WORDS[state]}; {why}")


class AlreadyReceived(Exception):
    """The report was received before, as another document."""

    def __init__(self, code: str, on: date, number: str) -> None:
        named = f" as number {number}" if number else ""
        super().__init__(
            f"{code} was received on {on:%d/%m/%Y}{named}; before it is checked it may be handed in again as a correction"
        )


class WrongDay(ValueError):
    """A day on which the report cannot have been handed in."""


class FiguresDiffer(Exception):
    """What the department confirmed is not what its own dossiers say, and nobody said why."""

    def __init__(self, code: str, differences: Mapping[str, Sequence[int]]) -> None:
        cells = ", ".join(
            f"{column}: {said} said, {counted} counted" for column, (said, counted) in differences.items()
        )
        super().__init__(f"{code} differs from the agency's own dossiers ({cells}); say why with a note, or ask again")


@dataclass(frozen=True, kw_only=True)
class Owed:
    """A report that the rules say is owed for one period."""

    unit: str
    owed_by: str
    owed_to: str
    form: str
    rung: str
    period: Period
    due_on: date | None
    remind_on: date | None
    assumed: bool
    warnings: tuple[str, ...]

    @property
    def code(self) -> str:
        """Its name within the unit."""
        return code_of(self.owed_by, self.owed_to, self.form, self.period.code)


def code_of(owed_by: str, owed_to: str, form: str, period: str) -> str:
    """`kinh-te/ttpvhcc/II.06a/2025-Q4`."""
    return f"{owed_by}/{owed_to}/{form}/{period}"


def due_day(due: Due, period: Period, calendar: Calendar) -> tuple[date, list[str]]:
    """The last day on which the report is in time, inclusive, and what a person should know about that day."""
    stated = _stated_day(due, period, calendar)
    if calendar.is_working(stated):
        return stated, _early(stated, period)
    why = calendar.day_off_name(stated) or messages.WEEKDAYS[stated.weekday()]
    if due.if_nonworking == "none":
        return stated, [messages.NONWORKING.format(day=_vi(stated), why=why), *_early(stated, period)]
    moved = calendar.add_working_days(stated, -1 if due.if_nonworking == "previous" else 1)
    return moved, [messages.MOVED.format(day=_vi(stated), why=why, to=_vi(moved)), *_early(moved, period)]


def _stated_day(due: Due, period: Period, calendar: Calendar) -> date:
    if due.working_days_after_closing is not None:
        return calendar.add_working_days(period.end, due.working_days_after_closing)
    assert due.day_of_month is not None  # the model wants one of the two
    return period.end.replace(day=due.day_of_month)


def _early(day: date, period: Period) -> list[str]:
    return [messages.BEFORE_CLOSING.format(day=_vi(day), end=_vi(period.end))] if day < period.end else []


def _vi(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def owe(
    unit: str, agency: str, rung: Obligation, period: Period, calendar: Calendar, due_on: date | None = None
) -> Owed:
    """What an agency owes by a rung for a period; `due_on` of a request stands before the rung's own rule."""
    own, warnings = calendar.for_unit(unit), list[str]()
    if due_on is None and rung.due is not None:
        due_on, warnings = due_day(rung.due, period, own)
    if due_on is None:
        warnings = [messages.NO_DATE.format(stated=rung.stated or messages.UNSTATED)]
    if rung.assumed:
        warnings.append(messages.ASSUMED)
    return Owed(
        unit=unit, owed_by=agency, owed_to=rung.owed_to, form=rung.form, rung=rung.rung, period=period, due_on=due_on,
        remind_on=_reminder(due_on, rung.remind_working_days_before, own), assumed=rung.assumed, warnings=tuple(warnings),
    )  # fmt: skip


def _reminder(due_on: date | None, days: int, calendar: Calendar) -> date | None:
    """So many working days before; on the due day itself, or on the working day before one on which nobody works."""
    if due_on is None or (not days and calendar.is_working(due_on)):
        return due_on
    return calendar.add_working_days(due_on, -max(days, 1))


def owed_between(
    book: Obligations, periods: PeriodRules, calendar: Calendar, unit: str, founded: date, first: date, last: date
) -> Iterator[Owed]:
    """Everything that a unit's parties owe for periods that begin by `last` and close on `first` or later."""
    for kind in PeriodKind:
        for one in periods_between(kind, first, last, periods, founded):
            for agency, rung in book.in_force(unit, kind, one.end):
                yield owe(unit, agency, rung, one, calendar)


def is_watched(due_on: date | None, end: date, today: date, calendar: Calendar, stale_after: int) -> bool:
    """Whether anybody may be called late: not for what fell due long before it was recorded (contracts.md §4)."""
    fell_due = due_on or end + timedelta(days=1)
    return fell_due >= today or calendar.working_days_between(fell_due, today) <= stale_after


def route_of(owed_by_kind: str) -> tuple[OwedReportEvent, ...]:
    """The states of a report, in order, by who owes it."""
    return FROM_DEPARTMENT if owed_by_kind == PartyKind.DEPARTMENT else OF_THE_UNIT


def check_order(row: Mapping[str, Any], wanted: OwedReportEvent) -> None:
    """Raises `OutOfOrder` unless `wanted` is the next state of this report."""
    route, state = route_of(row["owed_by_kind"]), row["state"]
    if state == CANCELLED:
        raise OutOfOrder(row["code"], wanted, state, "the rules do not ask for it since")
    if wanted not in route:
        ways = " → ".join(one.value for one in route)
        raise OutOfOrder(row["code"], wanted, state, f"a report of a {row['owed_by_kind']} goes {ways}")
    place = route.index(OwedReportEvent(state))
    following = route[place + 1 : place + 2]
    if following != (wanted,):
        why = f"next it is {following[0].value}" if following else "nothing follows"
        raise OutOfOrder(row["code"], wanted, state, why)


def check_day(row: Mapping[str, Any], on: date, today: date) -> None:
    """Raises `WrongDay` for a report handed in before its period is over, or in the future."""
    if on > today:
        raise WrongDay(f"{row['code']} cannot have been handed in on {_vi(on)}: today is {_vi(today)}")
    earliest = min(row["end"], row["due_on"] or row["end"])
    if on < earliest:
        raise WrongDay(f"{row['code']} is about the days until {_vi(row['end'])}; it cannot be handed in on {_vi(on)}")


def differences(said: Mapping[str, int] | None, counted: Mapping[str, int]) -> dict[str, list[int]]:
    """Columns in which a department's figures are not those of its own dossiers: [said, counted]."""
    return {name: [value, counted[name]] for name, value in (said or {}).items() if value != counted[name]}
