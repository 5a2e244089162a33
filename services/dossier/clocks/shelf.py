"""The book in use, and the look at its files: an edited calendar counts without a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog

from services.dossier.clocks.book import ClockBook, load_book
from shared.procedures import CLOCKS, FOLDER
from shared.rules import RuleError

log = structlog.get_logger()


class BookShelf:
    """The book in use; takes a new edition when a rule file changes, and keeps the old one when the new is wrong."""

    def __init__(self, rules_root: Path) -> None:
        self._root = rules_root
        self._seen = self._stamp()
        self._book = load_book(rules_root)

    @property
    def book(self) -> ClockBook:
        """The edition in use."""
        return self._book

    def refresh(self) -> bool:
        """Look at the files; true when another edition is in use from now on."""
        seen = self._stamp()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            fresh = load_book(self._root)
        except RuleError as error:
            log.error("clock_rules_refused", problems=[str(one) for one in error.problems])
            return False
        changed = fresh.fingerprint != self._book.fingerprint
        self._book = fresh
        return changed

    def _stamp(self) -> Any:
        files = [
            self._root / "calendars" / "vn.yaml",
            self._root / CLOCKS,
            *sorted((self._root / FOLDER).glob("*.yaml")),
        ]
        return [(path, stat.st_mtime_ns, stat.st_size) for path in files if path.exists() and (stat := path.stat())]
