"""Mapping files: what one centre's sheet calls its columns and values, where the common headings do not know it.

A mapping is a rule file (`shared.rules`): YAML, and every mistake in it is named with file, line and field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path

from pydantic import Field
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from services.dossier.files.columns import COLUMNS, LONG, Column, Unfit, column_of, fold, moment, shown, tidy
from services.dossier.files.dates import YEARS, Moment
from shared.localtime import LOCAL
from shared.rules import Lines, Loc, RuleError, RuleModel, RuleProblem, load_located

FOLDER = "sheets"
"""Folder of stored mappings below the rules."""
MAX_BYTES = 64 * 1024
IGNORE = "ignore"
"""Stands for a column in `headings`: what is below that heading is not read."""
DATES = {name for name, column in COLUMNS.items() if column.read is moment}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}", re.ASCII)
_DIRECTIVES = re.compile(r"%(.?)")
_YEAR_FIRST = re.compile(r"\d{4}[-/]", re.ASCII)

Word = str | bool | int
KnowsUnit = Callable[[str], bool]


class MappingRules(RuleModel):
    """A mapping file as it is written."""

    source: str | None = None
    headings: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, Word]] = Field(default_factory=dict)
    dates: tuple[str, ...] = ()
    constants: dict[str, Word] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SheetMapping:
    """Meanings of headings (`None` for ignored ones), words for values by column, formats of dates, constants."""

    headings: Mapping[str, str | None] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dates: tuple[str, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)

    def column_of(self, heading: str) -> tuple[str, int] | None:
        """As `columns.column_of`; what the mapping says goes before the common headings."""
        for words in (heading, re.sub(r"\(.*?\)", " ", heading, flags=re.DOTALL)):
            if (key := _key(words)) in self.headings:
                name = self.headings[key]
                return None if name is None else (name, -1)
        return column_of(heading)

    def reader(self, column: Column) -> Callable[[str], object]:
        """How cells of a column are read: by its table of values, by the formats of dates, else as always."""
        if column.name in DATES and self.dates:
            return partial(_read_date, self.dates)
        table = self.values.get(column.name)
        if not table:
            return column.read
        return lambda cell: column.read(table.get(_key(cell), cell))

    def unit(self, cell: str) -> str:
        """The unit code that a cell means."""
        return self.values.get("unit", {}).get(_key(cell), cell)


def load_mapping(path: Path, knows_unit: KnowsUnit, name: str | None = None) -> SheetMapping:
    """Read a mapping file; raises `RuleError` with every mistake. `name` is what its owner calls it."""
    try:
        _check_size(path)
        rules, lines = load_located(path, MappingRules)
        problems = list(_check(rules, lines, knows_unit))
        if problems:
            raise RuleError(problems)
    except RuleError as error:
        if name is None:
            raise
        raise RuleError(replace(problem, file=name) for problem in error.problems) from None
    return SheetMapping(
        headings={_key(words): None if to == IGNORE else to for words, to in rules.headings.items()},
        values={name: {_key(word): _text(to) for word, to in table.items()} for name, table in rules.values.items()},
        dates=rules.dates,
        constants={name: _text(value) for name, value in rules.constants.items()},
    )


def stored_mapping(rules: Path, name: str) -> Path | None:
    """The file of a stored mapping; nothing when no file of that name is there."""
    path = rules / FOLDER / f"{name}.yaml"
    return path if _NAME.fullmatch(name) and path.is_file() else None


def _check_size(path: Path) -> None:
    """Refuse what would grow without bound when read: aliases let a few lines stand for millions."""
    try:
        if path.stat().st_size > MAX_BYTES:
            reason = f"is larger than {MAX_BYTES:,} bytes (a mapping names headings and values, no rows)"
            raise RuleError([RuleProblem(path.as_posix(), 1, "", reason)])
        for event in YAML(typ="rt", pure=True).parse(path.read_text("utf-8-sig")):
            if isinstance(event, AliasEvent):
                reason = "uses a YAML alias (write the value out)"
                raise RuleError([RuleProblem(path.as_posix(), event.start_mark.line + 1, "", reason)])
    except (OSError, YAMLError, ValueError, RecursionError):
        return  # reading it says what is wrong, and where


def _check(rules: MappingRules, lines: Lines, knows_unit: KnowsUnit) -> Iterator[RuleProblem]:
    seen: dict[str, str] = {}
    for words, name in rules.headings.items():
        loc: Loc = ("headings", words)
        if name != IGNORE and name not in COLUMNS:
            yield lines.problem(loc, f"{name!r} is no column (use one of: {', '.join(COLUMNS)}, {IGNORE})")
        if (other := seen.setdefault(_key(words), words)) != words:
            yield lines.problem(loc, f"is the same heading as {other!r} (case and diacritics aside; remove one)")
    for name, table in rules.values.items():
        if name not in COLUMNS or name in DATES:
            yield lines.problem(("values", name), "is no column of coded values (dates are described in `dates`)")
            continue
        for word, value in table.items():
            yield from _unfit(lines, ("values", name, word), name, value, knows_unit)
    for number, form in enumerate(rules.dates):
        if reason := _wrong_format(form):
            yield lines.problem(("dates", number), f"{reason} (write it like %d.%m.%Y %H:%M)")
    for name, value in rules.constants.items():
        if name not in COLUMNS or name in DATES or name == "code":
            yield lines.problem(("constants", name), "cannot be the same for all rows (use a column that is no date)")
        else:
            yield from _unfit(lines, ("constants", name), name, value, knows_unit)


def _unfit(lines: Lines, loc: Loc, name: str, value: Word, knows_unit: KnowsUnit) -> Iterator[RuleProblem]:
    try:
        COLUMNS[name].read(_text(value))
    except Unfit as unfit:
        yield lines.problem(loc, f"{unfit.reason} ({unfit.advice})")
        return
    if name == "unit" and not knows_unit(_text(value)):
        yield lines.problem(loc, f"unknown unit {value!r} (use its five-digit code, in quotes)")


def _wrong_format(form: str) -> str:
    """Why a format cannot be used; empty when it can."""
    said = _DIRECTIVES.findall(form)
    if unknown := sorted({one for one in said if not one or one not in "dmyYHMS%"}):
        return f"holds %{unknown[0]}, which is not known here"
    days = sorted(one for one in said if one in "dmyY")
    if days not in (["Y", "d", "m"], ["d", "m", "y"]):
        return "names day, month and year not exactly once each"
    times = [one for one in said if one in "HMS"]
    if times and times != list("HMS")[: len(times)]:
        return "has a time that does not go hour, minute, second"
    return ""


def _read_date(formats: tuple[str, ...], cell: str) -> Moment:
    """By the mapping's formats; besides them only year-first dates are taken, for 03/11 must not mean two days."""
    try:
        if len(cell) > LONG:
            raise ValueError(cell)
        return _read_by(formats, cell)
    except ValueError:
        if _YEAR_FIRST.match(cell):
            return moment(cell)
        reason = f"is not a date as the mapping writes it: {shown(cell)}"
        raise Unfit(reason, f"write it as {' or '.join(formats)}, or mend the mapping") from None


@lru_cache(20_000)
def _read_by(formats: tuple[str, ...], cell: str) -> Moment:
    for form in formats:
        try:
            at = datetime.strptime(cell, form)
        except ValueError:
            continue
        if at.year in YEARS:
            return Moment(at.replace(tzinfo=LOCAL), "%H" not in form)
    raise ValueError(cell)


def _key(words: str) -> str:
    """Words as they are compared; signs such as № have no letter to compare and stand for themselves."""
    return fold(words) or tidy(words)


def _text(value: Word) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
