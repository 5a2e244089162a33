"""What reading a file gives: items with their line, or the reason why the file cannot be read at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from shared.events.records import Record
from shared.events.statements import Refused

MAX_RAW_BYTES = 4096
"""Of a refused item this much is kept in DEAD: enough to recognise it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One record or one row of a sheet: the statements that it makes, or why it makes none.

    `line` counts as a person sees the file, from 1, the heading included; `raw` is what is kept of a refused item, at
    most 4 KB; `key` is the dossier's or petition's code, `source` the name of who says it, where they could be read.
    """

    line: int
    statements: tuple[Record, ...] = ()
    refused: Refused | None = None
    raw: bytes = b""
    key: str = ""
    source: str = ""
    findings: tuple[str, ...] = ()
    """Codes of what is odd about a dossier that is taken all the same; packets of the portal alone are told here."""

    def with_findings(self, findings: tuple[str, ...]) -> Item:
        """The same item, with what was found."""
        return replace(self, findings=findings)


class OpenedFile(Protocol):
    """A file that can be read; `items` may be called again and gives the same."""

    @property
    def kind(self) -> Literal["sheet", "records", "packet"]: ...

    @property
    def total(self) -> int:
        """About how many items will come; for a progress bar only."""

    def items(self) -> Iterator[Item]:
        """Read item after item in bounded memory."""

    def sources(self) -> Mapping[str, datetime]:
        """Up to when each source was heard; complete once `items` has been read to its end."""


class FileUnreadable(ValueError):
    """A file of which nothing can be taken: which, why, and what the sender can do."""

    def __init__(self, path: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{path}: {reason}" + (f" ({advice})" if advice else ""))
        self.path, self.reason, self.advice = path, reason, advice


class Heard:
    """How far a file lets its sources be heard: the given instant, or each source's newest statement.

    Statements ahead of `now` do not count: one mistyped year would make a source heard for ever.
    """

    def __init__(self, now: datetime, as_of: datetime | None) -> None:
        self._now, self._as_of = now, as_of
        self._newest: dict[str, datetime] = {}

    def note(self, statement: Record) -> None:
        known = self._newest.get(statement.source)
        if statement.time <= self._now and (known is None or statement.time > known):
            self._newest[statement.source] = statement.time

    def sources(self) -> dict[str, datetime]:
        return {source: self._as_of or newest for source, newest in self._newest.items()}
