"""What a report is: figures of a form by field, their balance, and why closing is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

COLUMNS = tuple(f"c{number}" for number in range(3, 14))
FORM = "II.06a"


class WindowEndsBeforeItStarts(ValueError):
    """The window is upside down."""

    def __init__(self, begin: date, end: date) -> None:
        super().__init__(f"the window ends on {end} before it starts on {begin}; swap --from and --to")


class UnknownForm(ValueError):
    """No rule file describes this form."""

    def __init__(self, form: str) -> None:
        super().__init__(f"unknown form {form!r}; known: {FORM}")


class UnknownColumn(ValueError):
    """The form has no such column."""

    def __init__(self, column: str) -> None:
        super().__init__(f"unknown column {column!r}; columns are {', '.join(COLUMNS)}")


class ReportAlreadyClosed(Exception):
    """Closing twice is refused: a closed report never changes."""

    def __init__(self, unit: str, form: str, period: str, closed_at: str) -> None:
        super().__init__(f"{form} of unit {unit} for {period} was closed at {closed_at}; a closed report never changes")


class ReportNotClosed(LookupError):
    """There is no closed report of this unit, form and period."""

    def __init__(self, unit: str, form: str, period: str) -> None:
        super().__init__(f"{form} of unit {unit} for {period} is not closed; close it with: motcua report close")


class PeriodNotOver(Exception):
    """A report closes after its last day."""

    def __init__(self, period: str, end: date, today: date) -> None:
        super().__init__(f"{period} ends on {end} and today is {today}; it can be closed from the next day on")


class FiguresDoNotBalance(Exception):
    """The figures contradict each other, so nothing may be closed."""

    def __init__(self, unit: str, field: str, reason: str = "column 3 is not 7 + 11") -> None:
        super().__init__(f"unit {unit}, field {field!r}: {reason}; nothing was closed, tell the operators")


Row = dict[str, Any]
"""`{"field": str, "c3": int … "c13": int}`."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Form II.06a of one unit and window: one row per field, sorted by field, and their sum."""

    unit: str
    form: str
    begin: date
    end: date
    rows: Sequence[Row]

    @property
    def total(self) -> dict[str, int]:
        """The sum of the rows, column by column."""
        return {column: sum(row[column] for row in self.rows) for column in COLUMNS}

    def as_json(self) -> dict[str, Any]:
        """The document of contracts.md §6."""
        return {
            "unit": self.unit,
            "form": self.form,
            "from": self.begin.isoformat(),
            "to": self.end.isoformat(),
            "rows": list(self.rows),
            "total": self.total,
        }


def figures(unit: str, begin: date, end: date, sums: Iterable[Mapping[str, Any]]) -> Figures:
    """Complete the sums of a rollup (`field`, c4, c5, c6, c8, c9, c10, c13) to the form's rows; empty fields are left out."""
    rows = [row for one in sums if (row := _complete(one))["c3"] or row["c7"] or row["c11"]]
    return Figures(unit=unit, form=FORM, begin=begin, end=end, rows=sorted(rows, key=lambda row: row["field"]))


def _complete(sums: Mapping[str, Any]) -> Row:
    c = {name: int(sums[name] or 0) for name in ("c4", "c5", "c6", "c8", "c9", "c10", "c13")}
    c["c3"] = c["c4"] + c["c5"] + c["c6"]
    c["c7"] = c["c8"] + c["c9"] + c["c10"]
    c["c11"] = c["c3"] - c["c7"]
    c["c12"] = c["c11"] - c["c13"]
    return {"field": sums["field"], **{name: c[name] for name in COLUMNS}}


def check_balance(of: Figures) -> None:
    """Raise `FiguresDoNotBalance` unless 3 = 7 + 11 = 4 + 5 + 6 and nothing is negative, in every row."""
    for row in of.rows:
        if row["c3"] != row["c7"] + row["c11"] or min(row[column] for column in COLUMNS) < 0:
            raise FiguresDoNotBalance(of.unit, row["field"])
