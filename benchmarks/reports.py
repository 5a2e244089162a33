"""`python -m benchmarks.reports`: figures of II.06a over the rollup of ten million dossiers of 114 communes in five years.

The rollup is made by the database itself: fourteen fields of unequal size, seven in ten online, eight per cent late,
dossiers that moved to another field. The figures are then asked of the very queries of the reporting service.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import asyncpg
import typer

from benchmarks.lines import Line, Tell, below, measure_alone
from benchmarks.servers import bare_servers
from services.provisioning import DATABASE, migrate_all, provision_database
from services.reporting import repository
from services.reporting.cities.repository import sum_city
from services.reporting.repository.rollup import summed_by_size

UNITS, ROUNDS, DOSSIERS = 114, 7, 10_000_000
ONE_MS, ALL_MS = 20, 300
QUARTER, ODD = (date(2025, 9, 15), date(2025, 12, 14)), (date(2025, 7, 3), date(2025, 12, 5))

_DOSSIERS = """
    CREATE UNLOGGED TABLE bench AS
    SELECT unit, field, channel, received_on, due_on, moved, CASE
             WHEN p < 0.02 AND received_on > '2025-11-01' THEN NULL
             WHEN p < 0.10 THEN due_on + 1 + (q * 20)::int
             WHEN p < 0.45 THEN due_on ELSE greatest(received_on, due_on - 1 - (q * 8)::int) END AS finished_on
    FROM (
      SELECT (10000 + i % {units})::text AS unit, 'Lĩnh vực ' || (1 + 13 * random() ^ 1.8)::int AS field,
             CASE WHEN random() < 0.7 THEN 'online' ELSE 'other' END AS channel, received_on,
             received_on + 3 + (random() * 12)::int AS due_on, random() AS p, random() AS q, random() < 0.01 AS moved
      FROM generate_series(0, {dossiers} - 1) AS i, LATERAL (SELECT date '2021-01-01' + (i::float8 / {dossiers} * 1826)::int AS received_on) AS d
    ) AS drawn
"""
_ROLLUP = """
    INSERT INTO rollup (unit, field, kind, day, effective_on, n)
    SELECT unit, of_field, kind, day, since, sum(n) FROM bench, LATERAL (VALUES
      (field, channel, received_on, received_on, 1),
      (field, CASE WHEN finished_on < due_on THEN 'early' WHEN finished_on = due_on THEN 'on_time' ELSE 'late' END,
       finished_on, finished_on, 1),
      (field, 'overdue', CASE WHEN finished_on IS NULL OR finished_on > due_on + 1 THEN due_on END, due_on + 1, 1),
      (field, 'overdue', CASE WHEN finished_on > due_on + 1 THEN due_on END, finished_on, -1),
      (field, channel, CASE WHEN moved THEN received_on END, received_on + 5, -1),
      ('Lĩnh vực 1', channel, CASE WHEN moved THEN received_on END, received_on + 5, 1)
    ) AS e(of_field, kind, day, since, n)
    WHERE day IS NOT NULL GROUP BY unit, of_field, kind, day, since HAVING sum(n) <> 0
"""


async def measure(tell: Tell, *, dossiers: int = DOSSIERS) -> list[Line]:
    """The rollup's size and the figures; the targets are for ten million dossiers."""
    tell("servers")
    async with bare_servers() as servers:
        await provision_database(servers.postgres_dsn(), {"reporting": servers.folder.secret("postgres-reporting")})
        url = servers.postgres_dsn("reporting", DATABASE)
        await migrate_all({"reporting": url})
        connection = await asyncpg.connect(url, server_settings={"search_path": "reporting", "jit": "off"})
        try:
            return [*await _fill(connection, dossiers, tell), *await _figures(connection, tell)]
        finally:
            await connection.close()


async def _fill(connection: asyncpg.Connection[Any], dossiers: int, tell: Tell) -> list[Line]:
    await connection.execute("SET synchronous_commit = off; SET work_mem = '256MB'")
    steps = {
        f"{dossiers:,} dossiers": _DOSSIERS.format(units=UNITS, dossiers=dossiers),
        "their rollup": _ROLLUP,
        "sums of the rollup": "INSERT INTO rollup_sum " + summed_by_size("rollup"),
        "clearing up": "DROP TABLE bench",
    }
    for what, statement in steps.items():
        tell(what)
        await connection.execute(statement)
    lines = list[Line]()
    for table in ("rollup", "rollup_sum"):
        await connection.execute(f"VACUUM ANALYZE {table}")
        count = await connection.fetchval(f"SELECT count(*) FROM {table}")
        lines.append(Line(f"rows of {table}, {dossiers:,} dossiers", f"{count:,}"))
    await connection.execute("RESET ALL; SET search_path = reporting; SET jit = off")
    return lines


async def _figures(connection: asyncpg.Connection[Any], tell: Tell) -> list[Line]:
    everyone, lines = [str(10000 + number) for number in range(UNITS)], list[Line]()
    session: Any = connection
    for name, (begin, end) in (("a quarter", QUARTER), ("a window within months", ODD)):
        for units, target in ((everyone[50:51], ONE_MS), (everyone, ALL_MS)):
            what = f"II.06a of {len(units)} unit{'s' if len(units) > 1 else ''}, {name}"
            tell(what)
            taken = await _median(lambda u=units, b=begin, e=end: repository.sum_rollup(session, u, b, e))
            lines.append(below(what, taken, target, "ms") if name == "a quarter" else Line(what, f"{taken:.1f} ms"))
        taken = await _median(lambda b=begin, e=end: sum_city(session, everyone, b, e))
        lines.append(Line(f"a city of {UNITS} units in one query, {name}", f"{taken:.1f} ms"))
    return lines


async def _median(ask: Any) -> float:
    """Milliseconds of the middle one of some askings; the first warms the cache and is not counted."""
    times: list[float] = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - begin) * 1000)
    return _middle(times[1:])


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def main(dossiers: Annotated[int, typer.Option(min=1_000, help="dossiers in the rollup")] = DOSSIERS) -> None:
    """Measure figures over many dossiers."""
    measure_alone(f"python -m benchmarks.reports --dossiers {dossiers}", lambda tell: measure(tell, dossiers=dossiers))


if __name__ == "__main__":
    typer.run(main)
