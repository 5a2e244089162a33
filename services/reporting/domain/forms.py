"""What a report is: figures of a form by field, their balance, and why closing is refused."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared import measures

COLUMNS = tuple(measures.COLUMNS)
FORM = "II.06a"


class WindowEndsBeforeItStarts(ValueError):
    """The window is upside down."""

    def __init__(self, begin: date, end: date) -> None:
        super().__init__(f"the window ends on {end} before it starts on {begin}; swap --from and --to")


class UnknownForm(ValueError):
    """No rule file describes this form."""

    def __init__(self, form: str, known: Iterable[str] = (FORM,)) -> None:
        super().__init__(f"unknown form {form!r}; known: {', '.join(known)}")


class FormNotInForce(ValueError):
    """The form exists, but held on other days only."""

    def __init__(self, form: str, on: date, held: str) -> None:
        super().__init__(f"form {form} does not hold on {on}; it holds {held}")


class FormOfOtherUnits(ValueError):
    """A form that other units close."""

    def __init__(self, form: str, unit: str, units: Iterable[str]) -> None:
        super().__init__(f"form {form} belongs to the plan of unit {', '.join(units)}; unit {unit} does not close it")


class WrongWindow(ValueError):
    """A report period for a calendar form, or the other way round."""


class UnknownCell(ValueError):
    """The form has no such cell."""

    def __init__(self, form: str, cell: str, known: Iterable[str]) -> None:
        super().__init__(f"form {form} has no cell {cell!r}; cells are {', '.join(known)}")


class UnknownColumn(ValueError):
    """The form has no such column, and no counted measure bears the name."""

    def __init__(self, column: str) -> None:
        known = ", ".join([*COLUMNS, *measures.COUNTS])
        super().__init__(f"unknown column {column!r}; columns and counted measures are {known}")


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

    def __init__(self, unit: str, field: str, reason: str = "the columns do not add up") -> None:
        super().__init__(f"unit {unit}, field {field!r}: {reason}; nothing was closed, tell the operators")


Row = dict[str, Any]
"""`{"field": str, "c3": int … "c13": int}`."""


@dataclass(frozen=True, kw_only=True)
class Filled(ABC):
    """A filled form of one unit and window, whatever its shape."""

    unit: str
    form: str
    begin: date
    end: date
    rows: Sequence[Row]

    @property
    @abstractmethod
    def total(self) -> dict[str, Any]:
        """What stands under the rows."""

    @abstractmethod
    def cells(self) -> dict[str, int]:
        """Every number that has a list behind it, by the key of its cell."""

    @abstractmethod
    def parts_of(self, key: str) -> tuple[str, str]:
        """The row (its field or id) and the column of a cell."""

    @abstractmethod
    def keys_of(self, dossier: Mapping[str, Any]) -> Sequence[str]:
        """The cells that a counted dossier stands in."""

    @abstractmethod
    def check_balance(self) -> None:
        """Raise `FiguresDoNotBalance` unless every sum is the sum of its parts."""

    def as_json(self) -> dict[str, Any]:
        """The document of contracts.md §6; the rows are those of the form's shape."""
        return {
            "unit": self.unit,
            "form": self.form,
            "from": self.begin.isoformat(),
            "to": self.end.isoformat(),
            "rows": list(self.rows),
            "total": self.total,
        }


@dataclass(frozen=True, kw_only=True)
class Figures(Filled):
    """Form II.06a of one unit and window: one row per field, sorted by field, and their sum."""

    @property
    def total(self) -> dict[str, int]:
        """The sum of the rows, column by column."""
        return {column: sum(row[column] for row in self.rows) for column in COLUMNS}

    def cells(self) -> dict[str, int]:
        """Every number by the key of its cell: `Hộ tịch/c4`."""
        return {f"{row['field']}/{column}": row[column] for row in self.rows for column in COLUMNS}

    def parts_of(self, key: str) -> tuple[str, str]:
        """Field and column."""
        field, _, column = key.rpartition("/")
        return field, column

    def keys_of(self, dossier: Mapping[str, Any]) -> Sequence[str]:
        """The cells that a counted dossier stands in."""
        return [f"{dossier['field']}/{column}" for column in dossier["columns"]]

    def check_balance(self) -> None:
        """Raise `FiguresDoNotBalance` unless every sum is the sum of its parts."""
        check_balance(self)


def figures(unit: str, begin: date, end: date, sums: Iterable[Mapping[str, Any]], *, form: str = FORM) -> Figures:
    """The form's rows from the sums of a rollup (`field` and every column); empty fields are left out."""
    rows = [{"field": one["field"], **{column: int(one[column]) for column in COLUMNS}} for one in sums]
    shown = [row for row in rows if row["c3"] or row["c7"] or row["c11"]]
    return Figures(unit=unit, form=form, begin=begin, end=end, rows=sorted(shown, key=lambda row: row["field"]))


BALANCES = (("c3", ("c4", "c5", "c6")), ("c7", ("c8", "c9", "c10")), ("c11", ("c12", "c13")), ("c3", ("c7", "c11")))


def check_balance(of: Figures) -> None:
    """Raise `FiguresDoNotBalance` unless every sum of the form is the sum of its parts and nothing is negative."""
    for row in of.rows:
        sums = all(row[whole] == sum(row[part] for part in parts) for whole, parts in BALANCES)
        if not sums or min(row[column] for column in COLUMNS) < 0:
            raise FiguresDoNotBalance(of.unit, row["field"])
