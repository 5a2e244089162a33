"""Rows of one worksheet's XML (ECMA-376 part 1, §18.3), as text and in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import IO
from xml.parsers import expat

from services.dossier.files.markup import Hostile, local, walk

MAX_ROWS, MAX_COLUMNS = 1_048_576, 1_000
"""Rows as many as spreadsheet programs know; no register of a centre is wider than a few dozen columns."""
MAX_CELL = 32_768
"""Characters of a cell, as in spreadsheet programs; of a longer one the rest is not held."""
EPOCH_1900, EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
LEAP_DAY = 60
"""Serial number of 29/02/1900, a day that spreadsheets know and the calendar does not."""
Block = tuple[int, int, int, int]
"""A merged range: first row, first column, last row, last column; rows from 1, columns from 0."""

_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})", re.ASCII)
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_SECONDS_A_DAY = 86_400


class Worksheet:
    """Parses one worksheet; `merged` is complete once `rows` was read to its end."""

    def __init__(self, shared_text: Callable[[int], str], is_date: Callable[[str], bool], *, from_1904: bool) -> None:
        self._shared_text, self._is_date, self._from_1904 = shared_text, is_date, from_1904
        self.merged: list[Block] = []
        self._done: list[tuple[int, list[str]]] = []
        self._inside = self._collecting = self._skipping = False
        self._row, self._cells = 0, list[str]()
        self._column, self._get = -1, dict[str, str]().get
        self._text, self._length = list[str](), 0

    def rows(self, stream: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
        """Numbered rows that hold anything, top to bottom; raises `Hostile` and `expat.ExpatError`."""
        for _ in walk(stream, self._wire):
            yield from self._done
            self._done.clear()

    def _wire(self, parser: expat.XMLParserType) -> None:
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = local(name)
        if not self._inside:
            if name == "sheetData":
                self._inside = True
            elif name == "mergeCell" and (block := _block(attributes.get("ref", ""))):
                self.merged.append(block)
        elif name == "c":
            self._get = attributes.get
            self._text.clear()
            self._length = 0
            reference = attributes.get("r")
            self._column = _column(reference.rstrip("0123456789")) if reference else self._column + 1
        elif name == "v" or (name == "t" and not self._skipping):
            self._collecting = True
        elif name == "row":
            self._start_row(attributes.get("r"))
        elif name == "rPh":  # how a text is pronounced
            self._skipping = True

    def _start_row(self, number: str | None) -> None:
        row = int(number) if number is not None else self._row + 1
        if not self._row < row <= MAX_ROWS:
            raise Hostile(f"has a row numbered {row} behind row {self._row}; sheets have {MAX_ROWS:,} rows, in order")
        self._row, self._cells, self._column = row, [], -1

    def _characters(self, text: str) -> None:
        if self._collecting and self._length < MAX_CELL:
            self._text.append(text)
            self._length += len(text)

    def _end(self, name: str) -> None:
        if ":" in name:
            name = local(name)
        if not self._inside:
            return
        if name == "c":
            if self._text:
                self._keep(self._value("".join(self._text)[:MAX_CELL]))
        elif name in ("v", "t"):
            self._collecting = False
        elif name == "row":
            if self._cells:
                self._done.append((self._row, self._cells))
        elif name == "rPh":
            self._skipping = False
        elif name == "sheetData":
            self._inside = False

    def _keep(self, value: str) -> None:
        if self._column >= MAX_COLUMNS:
            raise Hostile(f"has cells beyond column {MAX_COLUMNS:,} in row {self._row}")
        gap = self._column - len(self._cells)
        if gap > 0:
            self._cells.extend([""] * gap)
        if gap < 0:
            self._cells[self._column] = value
        else:
            self._cells.append(value)

    def _value(self, text: str) -> str:
        kind = self._get("t", "n")
        if kind == "s":
            return self._shared_text(int(text))
        if kind == "n":
            if self._is_date(self._get("s", "0")):
                return _instant(text, from_1904=self._from_1904)
            return text if text.isdigit() else _number(text)
        if kind == "b":
            return "true" if text.strip() == "1" else "false"
        return text if kind in ("d", "e") else unescape(text)


def unescape(text: str) -> str:
    """`_x000D_` stands for a character that XML cannot hold."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


@lru_cache(20_000)
def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        if not "A" <= letter <= "Z" or number > MAX_ROWS:
            raise Hostile(f"has a cell called {letters[:20]!r}")
        number = number * 26 + ord(letter) - 64
    return number - 1


def _block(reference: str) -> Block | None:
    found = _RANGE.fullmatch(reference)
    return found and (int(found[2]), _column(found[1]), int(found[4]), _column(found[3]))


def _number(text: str) -> str:
    """A number as people write it: whole ones without a point, `1.5E3` as 1500."""
    try:
        value = float(text)
        return str(int(value)) if value.is_integer() else repr(value)
    except (ValueError, OverflowError):
        return text


def _instant(text: str, *, from_1904: bool) -> str:
    """A serial number of days as local time; without a fraction it is a date, below one a time of day."""
    try:
        serial = float(text)
        # instants are fractions of a day: 08:30 may come as 08:29:59.999
        seconds = timedelta(seconds=int(serial * _SECONDS_A_DAY + 0.5))
        if not from_1904 and serial < LEAP_DAY:
            seconds += timedelta(days=1)
        at = (EPOCH_1904 if from_1904 else EPOCH_1900) + seconds
    except (ValueError, OverflowError):
        return text
    if serial < 1:
        return at.time().isoformat()
    return at.date().isoformat() if serial.is_integer() else at.isoformat()
