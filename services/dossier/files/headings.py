"""Where a sheet's heading is and what its columns mean: real ones lie below a title, merged over several rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from services.dossier.files.columns import COLUMNS, column_of, tidy

HEAD_ROWS = 10
MAX_DEPTH = 4
LOOK_AT = HEAD_ROWS + MAX_DEPTH
"""Rows that suffice to find a heading and the row of column numbers below it."""

_NUMBERING = re.compile(r"\(?\d{1,2}\)?([ =+-]+\(?\d{1,2}\)?)*")


@dataclass(frozen=True, slots=True)
class Heading:
    """The column numbers of each known column, best heading first; `last` is the last of the rows that hold no data."""

    columns: Mapping[str, tuple[int, ...]]
    width: int
    last: int

    @property
    def score(self) -> tuple[int, int]:
        return len({"code", "received_at", "unit"} & self.columns.keys()), len(self.columns)

    def missing(self, *, given: Collection[str] = ()) -> list[str]:
        """Columns without which no row can be read, but for what is `given`; an outcome and its date need each other."""
        required = ["code", "received_at", "unit"]
        if "outcome" in self.columns or "finished_at" in self.columns:
            required += ["finished_at", "outcome"]
        return [name for name in COLUMNS if name in required and name not in self.columns and name not in given]


ColumnOf = Callable[[str], tuple[str, int] | None]
"""Which column a heading means, and how strongly: the lowest number wins."""


def find_heading(rows: Sequence[Sequence[str]], meaning: ColumnOf = column_of) -> Heading:
    """The rows among the first ten that name most columns; without any, a heading of no columns."""
    best = Heading({}, 0, 0)
    for first in range(min(HEAD_ROWS, len(rows))):
        for depth in range(1, min(MAX_DEPTH, len(rows) - first) + 1):
            found = _heading(rows, first, depth, meaning)
            if found.score > best.score:
                best = found
    return best


def _heading(rows: Sequence[Sequence[str]], first: int, depth: int, column_of: ColumnOf) -> Heading:
    block, last = rows[first : first + depth], first + depth - 1
    width = max(len(row) for row in block)
    ranked: dict[str, list[tuple[int, int]]] = {}
    for index in range(width):
        if meaning := _meaning([tidy(row[index]) for row in block if index < len(row)], column_of):
            name, rank = meaning
            ranked.setdefault(name, []).append((rank, index))
    if last + 1 < len(rows) and _is_numbering(rows[last + 1]):
        last += 1
    return Heading({name: tuple(index for _, index in sorted(found)) for name, found in ranked.items()}, width, last)


def _meaning(cells: Sequence[str], column_of: ColumnOf) -> tuple[str, int] | None:
    """What stacked heading cells mean: the lowest alone, or all of them read downwards."""
    parts = list(dict.fromkeys(cell for cell in cells if cell))
    if not parts:
        return None
    return column_of(parts[-1]) or column_of(" ".join(parts))


def _is_numbering(row: Sequence[str]) -> bool:
    """`(1) (2) (3)` or `1 2 3` below the heading."""
    cells = [cell for cell in map(tidy, row) if cell]
    return len(cells) > 1 and all(_NUMBERING.fullmatch(cell) for cell in cells)
