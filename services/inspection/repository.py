"""All queries of the inspection service; each runs in a transaction that the edge commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.inspection.domain import Progress, Verdict, Window
from shared.database import Session
from shared.events.owed_reports import OwedReport
from shared.measures import Rate, Share, share_query


async def measure(session: Session[Any], rate: Rate, unit: str, window: Window, fields: Sequence[str] | None) -> Share:
    """One share in one window, as of its end."""
    names = list(fields) if fields is not None else None
    row: Any = await session.fetchrow(share_query(rate), window.begin, window.end, [unit], names, None)
    return Share(hit=row["hit"], base=row["base"], unknown=row["unknown"])


async def upsert_owed(session: Session[Any], told: Sequence[OwedReport]) -> set[str]:
    """Keep owed reports whose revision is higher than the one known; returns the units of those."""
    rows = await session.fetch(
        """
        INSERT INTO owed_report AS o (unit, code, revision, field, agency, due_on, handed_in_on, late)
        SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::date[], $7::date[], $8::bool[])
        ON CONFLICT (unit, code) DO UPDATE SET revision = excluded.revision, field = excluded.field,
          agency = excluded.agency, due_on = excluded.due_on, handed_in_on = excluded.handed_in_on, late = excluded.late
        WHERE o.revision < excluded.revision RETURNING unit
        """,
        *zip(*[(one.unit, one.code, one.revision, one.rung, one.owed_by, one.due, one.handed_in_on, one.late) for one in told], strict=True),
    )  # fmt: skip
    return {row["unit"] for row in rows}


async def lock_plan(session: Session[Any], plan: str) -> None:
    """One process measures a plan at a time: two at once would both say the same change."""
    await session.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"inspection/{plan}")


async def list_progress(session: Session[Any], plan: str) -> dict[tuple[str, str], Progress]:
    """The progress of a plan as last measured, by (target, period)."""
    rows = await session.fetch("SELECT * FROM progress WHERE plan = $1", plan)
    return {(row["target"], row["period"]): _progress(row) for row in rows}


async def upsert_progress(session: Session[Any], rows: Sequence[Progress], measured_at: datetime) -> None:
    """Write what was measured; sorted keys, so that two processes do not deadlock."""
    ordered = sorted(rows, key=lambda one: (one.plan, one.target, one.window.name))
    await session.executemany(
        """
        INSERT INTO progress (plan, target, period, begin, "end", hit, base, unknown, verdict, measured_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (plan, target, period) DO UPDATE SET begin = excluded.begin, "end" = excluded."end", hit = excluded.hit,
               base = excluded.base, unknown = excluded.unknown, verdict = excluded.verdict, measured_at = excluded.measured_at
        """,
        [
            (
                one.plan, one.target, one.window.name, one.window.begin, one.window.end,
                one.share.hit if one.share else None, one.share.base if one.share else None,
                one.share.unknown if one.share else None, one.verdict.value, measured_at,
            )
            for one in ordered
        ],
    )  # fmt: skip


async def add_evidence(session: Session[Any], values: dict[str, Any]) -> int:
    """Record a document; returns its number."""
    names = ("unit", "plan", "item", "agency", "title", "number", "document_date", "link", "recorded_by", "recorded_at")
    return int(
        await session.fetchval(
            f"INSERT INTO evidence ({', '.join(names)}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
            *(values[name] for name in names),
        )
    )


async def count_evidence(session: Session[Any], plan: str) -> dict[str, int]:
    """Documents recorded, by item."""
    rows = await session.fetch("SELECT item, count(*) AS n FROM evidence WHERE plan = $1 GROUP BY item", plan)
    return {row["item"]: row["n"] for row in rows}


def _progress(row: Any) -> Progress:
    share = None if row["base"] is None else Share(hit=row["hit"], base=row["base"], unknown=row["unknown"])
    return Progress(
        plan=row["plan"],
        target=row["target"],
        window=Window(name=row["period"], begin=row["begin"], end=row["end"]),
        share=share,
        verdict=Verdict(row["verdict"]),
    )
