"""Reads a sheet of published procedures (CSV) and names every trap in it (domain.md §8.3); guesses nothing.

Columns `code, name, field, level, decision, ministry, t_direct, t_online, t_post`. A row that cannot be trusted is left
out and named; a gap that a person may fill later is only named.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from shared.limits import LimitUnit, UnreadableLimit, parse_limits
from shared.procedures import CHANNELS, Level, normalise_code, normalise_name

COLUMNS = ("code", "name", "field", "level", "decision", "ministry", "t_direct", "t_online", "t_post")
LEVELS = {
    "cấp bộ": Level.MINISTRY, "cấp tỉnh": Level.PROVINCE, "cấp xã": Level.COMMUNE, "cơ quan khác": Level.OTHER,
}  # fmt: skip
VERTICAL = {
    "Hải quan", "Thuế", "Kho bạc Nhà nước", "Thực hiện chính sách BHXH", "Chi trả các chế độ BHXH", "Thực hiện chính sách BHYT",
    "Thu BHXH, BHYT, BHTN, BH tai nạn lao động, BNN", "Cấp sổ BHXH, thẻ BHYT",
}  # fmt: skip
"""Fields of agencies of the vertical line, partly received at the centre (domain.md §8.2)."""
REFUSALS = {
    "bad_row",
    "code_missing",
    "code_local",
    "code_twice",
    "name_missing",
    "name_shared",
    "level_unknown",
    "time_unreadable",
}
"""Traps for which a row is left out until a person has looked."""
MOST_DAYS = 100
"""A number without a unit above this, or 0, cannot even be days."""


@dataclass(frozen=True, kw_only=True, order=True)
class Trap:
    """One trap: the line of the file on which its row begins (from 1), the column, what it is and what to do."""

    line: int
    column: str
    code: str
    text: str

    @property
    def refuses(self) -> bool:
        """Whether its row is left out."""
        return self.code in REFUSALS

    def __str__(self) -> str:
        return f"line {self.line}: {self.column}: {self.text} [{self.code}]"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row as it is written."""

    line: int
    values: Mapping[str, str]


@dataclass(kw_only=True)
class Checked:
    """A sheet after reading: its traps by line, and the rows that may be taken over."""

    traps: list[Trap] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    read: int = 0


class UnreadableSheet(ValueError):
    """A file that is no sheet of procedures at all."""


def check_sheet(path: Path) -> Checked:
    """Read a sheet and find its traps; raises `UnreadableSheet`."""
    rows, traps = _read(path)
    checked = Checked(traps=traps, read=len(rows) + len(traps))
    for row in rows:
        checked.traps.extend(_row_traps(row))
    checked.traps.extend(_shared_traps(rows))
    checked.traps.sort()
    refused = {trap.line for trap in checked.traps if trap.refuses}
    checked.rows = [row for row in rows if row.line not in refused]
    return checked


def rules_of(checked: Checked, *, id: str, source: str, valid_from: date) -> dict[str, Any]:
    """The rows that may be taken over, as a file of `procedures/` (plain data, ready for YAML)."""
    procedures = [_procedure(row, valid_from) for row in checked.rows]
    return {"id": id, "source": source, "procedures": sorted(procedures, key=lambda one: str(one["code"]))}


def _read(path: Path) -> tuple[list[Row], list[Trap]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnreadableSheet(f"{path}: cannot be read: {error.strerror} (check the path)") from None
    except UnicodeDecodeError:
        raise UnreadableSheet(f"{path}: is not UTF-8 (save the sheet as CSV UTF-8)") from None
    reader = csv.reader(text.splitlines(keepends=True))
    heading = [name.strip() for name in next(reader, [])]
    if missing := [name for name in COLUMNS if name not in heading]:
        raise UnreadableSheet(
            f"{path}: line 1: columns missing: {', '.join(missing)} (the first line names the columns)"
        )
    rows, traps, begins = list[Row](), list[Trap](), reader.line_num + 1
    for values in reader:
        line, begins = begins, reader.line_num + 1
        if len(values) == len(heading):
            rows.append(Row(line=line, values=dict(zip(heading, values, strict=True))))
        elif values:
            reason = f"has {len(values)} columns instead of {len(heading)} (a comma in a text needs quotes)"
            traps.append(Trap(line=line, column="row", code="bad_row", text=reason))
    return rows, traps


def _row_traps(row: Row) -> Iterator[Trap]:
    for column, text in row.values.items():
        if unicodedata.normalize("NFC", text) != text:
            yield _trap(row, column, "not_nfc", "letters and marks are stored apart (Unicode NFC is taken)")
    yield from _code_traps(row)
    yield from _name_traps(row)
    yield from _level_traps(row)
    if not row.values["decision"].strip():
        yield _trap(row, "decision", "decision_missing", "no decision is named (its validity cannot be checked)")
    yield from _time_traps(row)


def _code_traps(row: Row) -> Iterator[Trap]:
    written = row.values["code"].strip()
    code = normalise_code(written)
    if not written:
        yield _trap(row, "code", "code_missing", "no code (find the procedure on the portal)")
    elif code is None:
        yield _trap(row, "code", "code_local", f"{written!r} is no national code (a person maps it to one)")
    elif code != written:
        yield _trap(row, "code", "code_suffix", f"{written!r} is taken as {code} (province, agency or service suffix)")


def _name_traps(row: Row) -> Iterator[Trap]:
    name, code = row.values["name"], normalise_code(row.values["code"]) or ""
    if not normalise_name(name, code):
        yield _trap(row, "name", "name_missing", "no name (take it from the portal)")
        return
    if "\n" in name or "\r" in name:
        yield _trap(row, "name", "name_line_break", "has a line break (a space is taken)")
    if re.search(r"[^\S\r\n]{2,}", name) or name != name.strip():
        yield _trap(row, "name", "name_spaces", "has double or outer spaces (single ones are taken)")
    if code and code in name:
        yield _trap(row, "name", "name_has_code", "carries its own code (left out at the begin and the end)")
    if name.rstrip().endswith("."):
        yield _trap(row, "name", "name_full_stop", "ends with a full stop (left out)")


def _level_traps(row: Row) -> Iterator[Trap]:
    words = [word.strip() for word in row.values["level"].split(",")]
    unknown = [word for word in words if _plain(word) not in LEVELS]
    if unknown:
        known = ", ".join(LEVELS)
        yield _trap(row, "level", "level_unknown", f"{', '.join(map(repr, unknown))} is no level (one of: {known})")
    elif Level.COMMUNE not in _levels(row):
        yield _trap(row, "level", "level_not_commune", "is not handled by a commune (kept; never received here)")


def _time_traps(row: Row) -> Iterator[Trap]:
    written = {channel: row.values[f"t_{channel}"].strip() for channel in CHANNELS}
    if not any(written.values()):
        yield _trap(row, "t_direct", "time_missing", "no time on any channel (a person confirms one)")
        return
    for channel, text in written.items():
        yield from _cell_traps(row, channel, text)
    given = [text for text in written.values() if text]
    if len({_plain(text) for text in given}) > 1:
        told = ", ".join(f"{channel} {text!r}" for channel, text in written.items() if text)
        yield _trap(row, "t_direct", "time_by_channel", f"the limit differs by channel: {told} (kept per channel)")
    yield from _unit_mix(row, given)


def _cell_traps(row: Row, channel: str, text: str) -> Iterator[Trap]:
    column = f"t_{channel}"
    if not text:
        yield _trap(row, column, "channel_absent", f"no time for {channel} (taken as not offered)")
        return
    try:
        limits = parse_limits(text)
    except UnreadableLimit as error:
        yield _trap(row, column, "time_unreadable", str(error))
        return
    if not limits:
        yield _trap(row, column, "no_information", f"{text!r} (a person confirms a limit)")
    for limit in limits:
        if limit.is_known:
            continue
        yield _trap(row, column, "unit_unknown", f"{limit.amount} has no unit (a person confirms one; none is assumed)")
        if not 0 < limit.amount <= MOST_DAYS:
            yield _trap(row, column, "number_impossible", f"{limit.amount} cannot be days (ask the publisher)")
    if len(limits) > 1:
        yield _trap(row, column, "several_limits", f"{text!r} has {len(limits)} cases (the slip decides which holds)")
    if any(limit.unit is LimitUnit.HOUR for limit in limits):
        yield _trap(row, column, "unit_hour", f"{text!r} counts hours (elapsed ones; office hours need 'giờ làm việc')")


def _unit_mix(row: Row, given: Sequence[str]) -> Iterator[Trap]:
    """ "05 ngày" on one channel and "05 ngày làm việc" on another: the same number, two different dates."""
    units = defaultdict[int, set[LimitUnit]](set)
    for text in given:
        try:
            limits = parse_limits(text)
        except UnreadableLimit:
            continue
        for limit in limits:
            units[limit.amount].add(limit.unit)
    for amount, found in sorted(units.items()):
        if {LimitUnit.DAY, LimitUnit.WORKING_DAY} <= found:
            reason = (
                f"{amount} 'ngày' and {amount} 'ngày làm việc' in one procedure (kept as written; ask which is meant)"
            )
            yield _trap(row, "t_direct", "unit_mixed", reason)


def _shared_traps(rows: Sequence[Row]) -> Iterator[Trap]:
    """What only the whole sheet shows: a code twice, a name under many codes."""
    by_code, by_name = defaultdict[str, list[Row]](list), defaultdict[str, list[Row]](list)
    for row in rows:
        code = normalise_code(row.values["code"])
        if code:
            by_code[code].append(row)
            by_name[normalise_name(row.values["name"], code).casefold()].append(row)
    for code, same in by_code.items():
        for row in same if len(same) > 1 else ():
            lines = _others(row, same)
            yield _trap(row, "code", "code_twice", f"{code} stands also on line {lines} (a person says which holds)")
    for name, same in by_name.items():
        codes = {normalise_code(row.values["code"]) for row in same}
        for row in same if name and len(codes) > 1 else ():
            reason = f"the same name stands under {len(codes)} codes, also on line {_others(row, same)}"
            yield _trap(row, "name", "name_shared", f"{reason} (pages were mixed up: look the code up)")


def _others(row: Row, same: Iterable[Row]) -> str:
    return ", ".join(str(one.line) for one in same if one is not row)


def _procedure(row: Row, valid_from: date) -> dict[str, Any]:
    values, code = row.values, normalise_code(row.values["code"]) or ""
    version: dict[str, Any] = {"valid_from": valid_from, "published": _published(values)}
    if decision := " ".join(values["decision"].split()):
        version["decision"] = decision
    one: dict[str, Any] = {
        "code": code,
        "name": normalise_name(values["name"], code),
        "field": normalise_name(values["field"]),
        "levels": [level.value for level in _levels(row)],
    }
    if one["field"] in VERTICAL:
        one["vertical"] = True
    return one | {"versions": [version]}


def _published(values: Mapping[str, str]) -> dict[str, str]:
    given = {channel: text for channel in CHANNELS if (text := " ".join(values[f"t_{channel}"].split()))}
    same = len(given) == len(CHANNELS) and len(set(given.values())) == 1
    return {"all": given["direct"]} if same else given


def _levels(row: Row) -> list[Level]:
    return [LEVELS[word] for part in row.values["level"].split(",") if (word := _plain(part)) in LEVELS]


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _trap(row: Row, column: str, code: str, text: str) -> Trap:
    return Trap(line=row.line, column=column, code=code, text=text)
