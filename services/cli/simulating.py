"""`motcua simulate`: a believable centre, into a file, live into a running system, or as a list of traps."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, progress_bar, said
from services.cli.senders import BusSender, HttpSender, Sender, Verdicts
from services.cli.stopping import Stop
from services.cli.trying import chosen_traps, try_traps, write_traps
from shared.clock import SystemClock
from shared.events.records import Record
from shared.localtime import local_date, start_of_day
from shared.settings import RULES
from shared.units import load_units
from shared.workdays import load_calendar
from simulation.recordfile import write_records
from simulation.scenario import UnknownUnit, load_scenario
from simulation.stream import Said, said_of_new_dossiers, simulate_all

BATCH = 500
PAUSE = 0.5
"""Seconds between two looks at whether something was said meanwhile."""
LIVE_DAYS = 14
"""How far back a live centre begins when nobody says where."""
BEGIN, FILE_TO = date(2025, 7, 1), date(2025, 12, 31)
"""The communes of two-level government begin on the first; a live centre has lived since then, whatever part is said."""


def simulate_centre(
    unit: Annotated[list[str], typer.Option(help="unit to play; may be given several times")],
    out: Annotated[
        Path | None, typer.Option(help="record file to write (.jsonl, .jsonl.gz); with --traps a folder")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="say it to a running system, then go on as time passes")] = False,
    traps: Annotated[
        list[str] | None, typer.Option(help="try what real senders do wrong: a trap's name (several times), or all")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, max=100_000, help="with --live: at most so many records/s")
    ] = None,
    bus: Annotated[
        str | None, typer.Option(help="with --live: nats://centre-UNIT:PASSWORD@HOST:4222 instead of HTTP")
    ] = None,
    ca: Annotated[Path | None, typer.Option(help="with --bus: the certificate that the bus is trusted by")] = None,
    test_system: Annotated[
        bool, typer.Option("--test-system", help="the system at MOTCUA_URL may hold invented dossiers")
    ] = False,
    seed: Annotated[int, typer.Option(help="the same seed gives the same centre")] = 1,
    begin: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first day")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day, inclusive")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="with --traps: print one JSON document")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Play a believable centre, faults of its feed included; with --traps one fault at a time.

    --out alone writes files and asks no running system. Exit 3 when a trap was answered otherwise than expected, or when
    something said live was rejected or not answered.
    """
    if traps and live:
        raise CommandFailed("--traps and --live are two things: say one of them")
    if traps:
        raise typer.Exit(_try(traps, unit, out, data, test_system, as_json))
    today = local_date(SystemClock().now())
    first = begin.date() if begin else today - timedelta(days=LIVE_DAYS) if live else BEGIN
    last = end.date() if end else today if live else FILE_TO
    if last < first:
        raise CommandFailed(f"--to {last} is before --from {first}")
    if live and first < BEGIN:
        raise CommandFailed(f"--from {first} is before {BEGIN}: no commune of today had a centre then")
    scenario = load_scenario(RULES / "simulation" / "haiphong-2025.yaml")
    try:
        stream = simulate_all(unit, seed, BEGIN if live else first, last, load_calendar(RULES), scenario)
        if live:
            sender = _sender(bus, unit, ca, data, test_system)
            raise typer.Exit(_play(said_of_new_dossiers(stream, start_of_day(first)), sender, rate))
        if out is None:
            raise CommandFailed("say --out FILE, --live, or --traps all")
        print(f"{out}: {write_records(stream, out)} statements")
    except UnknownUnit as error:
        raise CommandFailed(str(error)) from error


def _try(names: list[str], units: list[str], out: Path | None, data: Path, test_system: bool, as_json: bool) -> int:
    if len(units) > 1:
        raise CommandFailed("traps are about dossiers of one unit: give --unit once")
    if units[0] not in load_units(RULES):
        raise CommandFailed(f"there is no unit {units[0]}: use the five digits of a commune since 01/07/2025")
    traps = chosen_traps(names, units[0], SystemClock().now())
    if out is not None:
        write_traps(traps, out)
        return 0
    return try_traps(_test_client(data, test_system), traps, units[0], as_json=as_json)


def _test_client(data: Path, test_system: bool) -> Client:
    if os.environ.get("MOTCUA_URL"):
        _must_be_a_test_system(test_system, "MOTCUA_URL")
    return Client.find(data)


def _must_be_a_test_system(said_so: bool, where: str) -> None:
    """Invented dossiers are counted like any other: a system that is named by its address must be called a test system."""
    if not said_so:
        raise CommandFailed(f"invented dossiers would be counted at {where}; say --test-system when they may")


def _sender(bus: str | None, units: list[str], ca: Path | None, data: Path, test_system: bool) -> Sender:
    if bus is None:
        return HttpSender(_test_client(data, test_system))
    if len(units) > 1:
        raise CommandFailed("an account of the bus speaks for one unit: give --unit once")
    _must_be_a_test_system(test_system, "--bus")
    return BusSender(bus, units[0], ca)


def _play(stream: Iterator[Said[Record]], sender: Sender, rate: float | None) -> int:
    """Say what was to be said until now, then the rest when its time has come; returns the exit code."""
    total = Counter[str]()
    with Stop() as stop:
        try:
            past, coming = _divided(stream, SystemClock().now(), stop)
            _catch_up(past, sender, rate, total, stop)
            if not stop.asked:
                said.print(f"{len(past)} said: {_in_words(total)}; {len(coming)} to come", highlight=False)
                _follow(coming, sender, total, stop)
        except KeyboardInterrupt:
            pass  # asked twice: what was in hand is broken off
        finally:
            sender.close()
    if stop.asked:
        said.print("stopped; what was not said may be said again: nothing counts twice")
    print(_in_words(total))
    return 3 if total["rejected"] or total["unanswered"] else 0


def _divided(
    stream: Iterator[Said[Record]], now: datetime, stop: Stop
) -> tuple[list[Said[Record]], deque[Said[Record]]]:
    """(what was to be said until now, the rest)."""
    past, coming = list[Said[Record]](), deque[Said[Record]]()
    with said.status("living through the time before"):
        for one in stream:
            if stop.asked:
                break
            (past if one.said_at <= now else coming).append(one)
    return past, coming


def _catch_up(past: list[Said[Record]], sender: Sender, rate: float | None, total: Verdicts, stop: Stop) -> None:
    size = BATCH if rate is None else max(1, min(BATCH, round(rate * PAUSE)))
    with progress_bar() as progress:
        task = progress.add_task("said", total=len(past))
        began, sent, rest = time.monotonic(), 0, iter(past)
        while not stop.asked and (batch := [one.statement for one in islice(rest, size)]):
            if rate is not None:  # against the beginning, so that slow answers are made up for
                time.sleep(max(0.0, began + sent / rate - time.monotonic()))
            total.update(sender.send(batch))
            sent += len(batch)
            progress.advance(task, len(batch))


def _follow(coming: deque[Said[Record]], sender: Sender, total: Verdicts, stop: Stop) -> None:
    while coming and not stop.asked:
        now = SystemClock().now()
        batch = list[Record]()
        while coming and len(batch) < BATCH and coming[0].said_at <= now:
            batch.append(coming.popleft().statement)
        if batch:
            total.update(sender.send(batch))
            said.print(f"{now:%H:%M:%S} {len(batch)} said, {len(coming)} to come", highlight=False)
        elif coming:
            time.sleep(min(PAUSE, max(0.0, (coming[0].said_at - now).total_seconds())))


def _in_words(total: Verdicts) -> str:
    return ", ".join(f"{total[name]} {name}" for name in ("accepted", "duplicate", "rejected", "unanswered"))
