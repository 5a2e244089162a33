"""Forecasts held against what came: `python -m benchmarks.foresight [SHARED]` walks through past days of two real logs.

At each day only what had happened by then is used. Prints the Brier score beside that of the base rate, how often what was
called likely came true, and how often the interval held the rate that the period ended with.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from services.dossier.domain import fold
from services.reporting.foresight.domain import Case, Foresight, TooLittleHistory, cases, outlook
from shared.events.dossiers import Snapshot
from shared.events.statements import Statement, parse_statement
from shared.facts import spans
from shared.localtime import LOCAL
from shared.settings import RULES
from shared.workdays import load_calendar

LOGS = ("receipt", "bpic15_1")
DAYS_BEFORE_THE_END = (60, 30, 14)
LOOK_BACK = timedelta(days=2 * 365)


@dataclass
class Score:
    """What one log gave: (forecast, base rate, came true) a dossier and day; (low, expected, high, actual) a period and day."""

    dossiers: list[tuple[float, float, bool]] = field(default_factory=list)
    rates: list[tuple[float, float, float, float]] = field(default_factory=list)
    undecided: int = 0
    silent: int = 0

    @property
    def brier(self) -> float:
        """Mean squared error of the forecasts; 0 is perfect."""
        return sum((chance - came) ** 2 for chance, _, came in self.dossiers) / len(self.dossiers)

    @property
    def base_brier(self) -> float:
        """The same of always saying how many were late until then."""
        return sum((base - came) ** 2 for _, base, came in self.dossiers) / len(self.dossiers)

    @property
    def coverage(self) -> float:
        """The share of intervals that held what came."""
        return sum(low <= actual <= high for low, _, high, actual in self.rates) / len(self.rates)

    def calibration(self) -> list[tuple[int, float, float]]:
        """By tenth of the forecast: how many, what was said on average, how many came true."""
        bins = defaultdict[int, list[tuple[float, bool]]](list)
        for chance, _, came in self.dossiers:
            bins[min(9, int(chance * 10))].append((chance, came))
        return [
            (len(of), sum(chance for chance, _ in of) / len(of), sum(came for _, came in of) / len(of))
            for _, of in sorted(bins.items())
        ]


def read_spans(log: Path) -> list[dict[str, Any]]:
    """Every span of a record file, as the system would keep it."""
    told = defaultdict[str, list[Statement]](list)
    now = datetime.now(LOCAL)
    with gzip.open(log) as lines:
        for line in lines:
            one = parse_statement(line, knows_unit=lambda _: True, now=now)
            told[one.dossier].append(one)
    found = list[dict[str, Any]]()
    for code, of in told.items():
        folded = fold(of)
        found += spans(
            Snapshot(
                unit=of[0].unit, dossier=code, revision=len(of), source=of[0].source, recorded_at=of[-1].time,
                state=folded.state, timeline=list(folded.timeline),
            )
        )  # fmt: skip
    return found


def back_test(log: Path) -> Score:
    """Forecast every quarter of a log from several days before its end."""
    between = load_calendar(RULES).working_days_between
    rows = read_spans(log)
    by_code = defaultdict[str, list[dict[str, Any]]](list)
    for row in rows:
        by_code[row["code"]].append(row)
    last = max(row["valid_from"] for row in rows)
    final = {one.code: one for one in cases(rows, last, between)}
    score, quarters = Score(), quarters_between(min(row["valid_from"] for row in rows), last)
    for begin, end in track(quarters, description=log.parent.name, console=Console(stderr=True), transient=True):
        ended = [case for case in final.values() if case.finished_on and begin <= case.finished_on <= end]
        for before in DAYS_BEFORE_THE_END:
            on = end - timedelta(days=before)
            seen = [row for row in rows if row["valid_from"] <= on and row["received_on"] > on - LOOK_BACK]
            try:
                known = Foresight(log.parent.name, cases(seen, on, between))
            except TooLittleHistory:
                score.silent += 1
                continue
            _judge(score, known, final, last)
            told = outlook(known, begin, end, on, between)
            if ended and told.low is not None and told.high is not None and told.expected is not None:
                actual = sum(not case.is_late for case in ended) / len(ended)
                score.rates.append((told.low, told.expected, told.high, actual))
    return score


def quarters_between(first: date, last: date) -> list[tuple[date, date]]:
    """Report quarters, from the 15th to the 14th, that begin and end between two days; the logs are older than the rules."""
    ends = [date(year, month, 14) for year in range(first.year, last.year + 1) for month in (3, 6, 9, 12)]
    return [(begin + timedelta(days=1), end) for begin, end in pairwise(ends) if first < begin and end <= last]


def _judge(score: Score, known: Foresight, final: dict[str, Case], last: date) -> None:
    settled = [one for one in known.known if one.finished_on or (one.left or 0) < 0]
    base = (sum(one.is_late or not one.finished_on for one in settled) + 1) / (len(settled) + 2)
    for one in known.known:
        if one.finished_on or one.left is None or one.left <= 0:
            continue
        came = broken(final[one.code], last)
        if came is None:
            score.undecided += 1
        else:
            score.dossiers.append((known.breach(one), base, came))


def broken(one: Case, last: date) -> bool | None:
    """Whether the promise was broken in the end; `None` when the log does not tell."""
    if one.finished_on and one.due_on:
        return one.finished_on > one.due_on
    return True if one.due_on and not one.waiting and one.due_on < last else None


def main(arguments: Sequence[str]) -> None:
    """Print what both logs gave."""
    shared = Path(arguments[0] if arguments else os.environ.get("MOTCUA_SHARED", "../shared"))
    console = Console(width=110)
    summary = Table("log", "forecasts", "undecided", "Brier", "of the base rate", "intervals", "held", "mean error")
    for name in LOGS:
        score = back_test(shared / "data" / name / "records.jsonl.gz")
        error = sum(abs(expected - actual) for _, expected, _, actual in score.rates) / len(score.rates)
        summary.add_row(
            name, str(len(score.dossiers)), str(score.undecided), f"{score.brier:.4f}", f"{score.base_brier:.4f}",
            str(len(score.rates)), f"{score.coverage:.0%}", f"{error * 100:.1f} points",
        )  # fmt: skip
        table = Table(
            "dossiers", "said", "came true", title=f"{name}: chance to break the promise", title_justify="left"
        )
        for count, said, came in score.calibration():
            table.add_row(str(count), f"{said:.0%}", f"{came:.0%}  {'█' * round(came * 40)}")
        console.print(table)
    console.print(summary)


if __name__ == "__main__":
    main(sys.argv[1:])
