"""`python -m benchmarks.rebuilding`: build a city's facts anew from the bus, beside the ones that the service itself made.

Each of 114 units says what a simulated xã Bình Giang says of the third quarter, under its own code: the dossier service's
own code folds it, each statement recorded when the centre said it. The events go straight to stream DOSSIER.
"""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Annotated

import typer

from benchmarks.lines import Line, Tell, at_least, measure_alone
from benchmarks.servers import Pipeline, pipeline
from services.backup import Installation
from services.dossier.repository import Stored
from services.dossier.usecases import refold
from services.rebuilding import rebuild
from shared import topology
from shared.bus import publish
from shared.events.envelope import Outgoing
from shared.events.statements import Statement
from shared.settings import RULES
from shared.units import load_units
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import simulate

CITY, MODEL, FIRST, LAST = "31", "10966", date(2025, 7, 1), date(2025, 9, 14)
EVENTS, RATE, BATCH = 200_000, 10_000, 500


def model_events() -> Iterator[Outgoing]:
    """What the dossier service says of one commune in a quarter, in the order in which it says it."""
    scenario = load_scenario(RULES / "simulation" / "haiphong-2025.yaml")
    said, row = defaultdict[str, list[Statement]](list), dict[str, Stored]()
    for one in simulate((MODEL,), 1, FIRST, LAST, load_calendar(RULES), scenario):
        code = one.statement.dossier
        said[code].append(one.statement)
        known = row.get(code) or Stored(unit=MODEL, code=code, revision=0, snapshot=None)
        snapshot, _, events = refold(known, said[code], [one.statement], one.said_at)
        row[code] = Stored(unit=MODEL, code=code, revision=snapshot.revision, snapshot=snapshot)
        yield from events


def city_events(count: int) -> Iterator[Outgoing]:
    """The first `count` events of 114 communes that all say the same, in turn."""
    units = [one.code for one in load_units(RULES).in_province(CITY)]
    for one in islice(model_events(), -(-count // len(units))):
        for unit in units:
            body = one.body.replace(MODEL.encode(), unit.encode())
            subject, name = (text.replace(MODEL, unit) for text in (one.subject, one.id))
            yield Outgoing(stream=one.stream, subject=subject, id=name, body=body)


async def measure(tell: Tell, *, events: int = EVENTS) -> list[Line]:
    """Events/s of a whole rebuild with its comparison; raises `RuntimeError` unless it equals what the service made."""
    tell("the services start")
    async with pipeline(("reporting",)) as line:
        await _say(line, events, tell)
        tell("the reporting service digests them")
        await line.digested()
        folder = line.servers.folder
        installation = Installation(
            admin_url=line.servers.postgres_dsn(),
            bus_url=line.servers.nats.url_of(topology.OPERATOR),
            passwords={name: folder.secret(f"postgres-{name}") for name in topology.SERVICES},
            rules=RULES,
        )
        begin, used = time.perf_counter(), _used()
        done = await rebuild(
            installation,
            "reporting",
            dry_run=True,
            reason=None,
            tell=lambda what, at, of: tell(f"{what} {at:,} of {of:,}"),
        )
        taken, used = time.perf_counter() - begin, _used() - used
    if done.compared.count:
        raise RuntimeError(f"{done.compared.count} differences, such as {done.compared.shown[0]}")
    return [
        at_least(f"a rebuild of {done.events:,} events of 114 units, compared", done.events / taken, RATE, "events/s"),
        Line("… its seconds, and those of the processor without the servers'", f"{taken:.1f} s, {used:.1f} s"),
    ]  # fmt: skip


def _used() -> float:
    """Seconds of the processor by this process and by those of its children that have ended."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


async def _say(line: Pipeline, events: int, tell: Tell) -> None:
    coming, said = city_events(events), 0
    while batch := list(islice(coming, BATCH)):
        await publish(line.bus, batch)
        said += len(batch)
        tell(f"{said:,} of {events:,} events onto the bus")


def main(events: Annotated[int, typer.Option(min=1_000, max=380_000, help="events on the bus")] = EVENTS) -> None:
    """Measure a rebuild of a city's facts."""
    measure_alone(f"python -m benchmarks.rebuilding --events {events}", lambda tell: measure(tell, events=events))


if __name__ == "__main__":
    typer.run(main)
