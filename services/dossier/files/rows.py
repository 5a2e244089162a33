"""Rows of text, each with the line that a person sees, and how CSV gives them; what the cells mean is decided elsewhere."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from shared.events.statements import Refused

MAX_LINE = 256 * 1024
_NO_TEXT = re.compile("[\udc80-\udcff]")
"""What bytes become that could not be decoded."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the lines it covers, its cells, and what is wrong with its shape."""

    line: int
    last_line: int
    cells: Sequence[str]
    refused: Refused | None = None


def read_csv(text: TextIO, delimiter: str, *, width: int | None = None, after: int = 0) -> Iterator[Row]:
    """Rows behind line `after`; with a `width`, half a row and one with too many cells are refused.

    A quotation mark that is never closed would swallow the rows below it: the row where it opens is refused and
    reading goes on at the next line.
    """
    lines = _Lines(text)
    lines.skip(after)
    while True:
        lines.taken.clear()
        line = lines.number + 1
        try:
            cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, line, lines.keep_only_first().split(delimiter), _torn(error))
            continue
        refused = _unsound(lines.taken) or (_misshapen(cells, width) if width is not None and cells else None)
        if refused is not None and len(lines.taken) > 1:
            lines.keep_only_first()
        yield Row(line, lines.number, cells, refused)


def _unsound(lines: Sequence[str]) -> Refused | None:
    if any(_NO_TEXT.search(line) for line in lines if not line.isascii()):
        return Refused("row", "is not UTF-8 text", "save it as UTF-8")
    return None


def _torn(error: csv.Error) -> Refused:
    return Refused("row", f"cannot be split into cells: {error}", "check its quotation marks")


def _misshapen(cells: Sequence[str], width: int) -> Refused | None:
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        reason = f"has {len(cells)} cells where the heading has {width}"
        return Refused("row", reason, "quote cells that hold a delimiter; look for a line that was cut")
    return None


class _Lines:
    """Physical lines of a CSV file, of which those of a torn row can be put back."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._put_back: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._put_back.popleft() if self._put_back else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        if _is_cut(line):
            raise csv.Error(f"line longer than {MAX_LINE:,} characters")
        return line

    def keep_only_first(self) -> str:
        """Put back every line of the present row but its first, which is returned."""
        self._put_back.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        return self.taken[0]

    def skip(self, count: int) -> None:
        for _ in range(count):
            self._read()
        self.number += count

    def _read(self) -> str:
        """The next line; of one that is too long only the beginning is kept."""
        line = more = self._text.readline(MAX_LINE)
        while _is_cut(more):
            more = self._text.readline(MAX_LINE)
        return line


def _is_cut(line: str) -> bool:
    return len(line) == MAX_LINE and line[-1] not in "\r\n"
