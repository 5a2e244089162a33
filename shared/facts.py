"""Facts that figures are made of: each dossier as spans of days on which nothing changed.

A span says how a dossier stood at the end of each day from `valid_from` to the day before `valid_to`, by the time things
happened. "As of the end of a day" is then one condition, and what happened later does not exist (contracts.md §5).
Reporting and inspection each keep their own copy of this shape and count it with the same measures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any, Protocol, TypeVar

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, MetaData, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import Session
from shared.events.dossiers import Snapshot, State, states_by_day
from shared.localtime import local_date

FOR_EVER = date(9999, 12, 31)
NO_FIELD = "Chưa rõ lĩnh vực"
"""The row of dossiers whose field nobody has said; an absent field must not vanish from a report."""

_COPIED = (
    "status", "outcome", "agency", "channel", "service_level", "procedure", "fee_due", "paid_online", "digitised_input",
    "digitised_result", "e_result", "reused_data", "postal_return", "cross_boundary", "certified_copy", "result_file",
    "inter_agency", "rating", "reason_code",
)  # fmt: skip
_copied = attrgetter(*_COPIED)
_BOOLEANS = {
    "fee_due", "paid_online", "digitised_input", "digitised_result", "e_result", "reused_data", "postal_return",
    "cross_boundary", "result_file", "inter_agency",
}  # fmt: skip
COLUMNS: dict[str, str] = {
    "unit": "text", "code": "text", "valid_from": "date", "valid_to": "date", "field": "text", "received_on": "date",
    "due_on": "date", "finished_on": "date", "waiting": "boolean", "rated_on": "date", "answered_lateness": "boolean",
    "internal_due_on": "date", "internal_finished_on": "date",
    **{name: "boolean" if name in _BOOLEANS else "smallint" if name == "rating" else "text" for name in _COPIED},
}  # fmt: skip
"""Columns of a span with their PostgreSQL types, in table order."""

_SQL_TYPES: dict[str, Any] = {"text": Text, "date": Date, "boolean": Boolean, "smallint": SmallInteger}
_encode = msgspec.json.Encoder().encode


def span_table(metadata: MetaData) -> Table:
    """Spans in one service's schema; found by unit and by the days that windows ask about."""
    return Table(
        "span",
        metadata,
        Column("id", BigInteger, primary_key=True, autoincrement=True),
        *(Column(name, _SQL_TYPES[type_], nullable=name not in _ALWAYS) for name, type_ in COLUMNS.items()),
        Index("ix_span_unit_code", "unit", "code"),
        Index("ix_span_unit_received", "unit", "received_on", "valid_to"),
        Index("ix_span_unit_open", "unit", "valid_from", "valid_to", postgresql_where=text("finished_on IS NULL")),
        Index("ix_span_unit_finished", "unit", "finished_on", postgresql_where=text("finished_on IS NOT NULL")),
    )


_ALWAYS = {"unit", "code", "valid_from", "valid_to", "field", "waiting", "answered_lateness"}


def fact_table(metadata: MetaData) -> Table:
    """The newest revision of each dossier; `entries` are what it contributes to the rollup."""
    return Table(
        "fact",
        metadata,
        Column("unit", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("revision", Integer, nullable=False),
        Column("entries", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    )


def spans(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The spans of one dossier, oldest first; the last one is valid for ever. A dossier never received has none."""
    return stack((day, _row(snapshot, state)) for day, state in states_by_day(snapshot.timeline))


def stack(days: Iterable[tuple[date, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Rows by the days from which on they hold, as spans: what changed nothing is none, and what was never received."""
    found, last = list[dict[str, Any]](), None
    for day, row in days:
        if row == last:
            continue
        if found:
            found[-1]["valid_to"] = day
        found.append({**row, "valid_from": day, "valid_to": FOR_EVER})
        last = row
    return [span for span in found if span["received_on"] is not None and span["valid_from"] < span["valid_to"]]


def _row(snapshot: Snapshot, state: State) -> dict[str, Any]:
    received_on, finished_on = _day(state.received_at), _day(state.finished_at)
    if received_on and finished_on:
        # a correction may put the reception behind the finish; counting it on its first day keeps 3 = 7 + 11
        finished_on = max(received_on, finished_on)
    return {
        "unit": snapshot.unit,
        "code": snapshot.dossier,
        "field": state.field or NO_FIELD,
        "received_on": received_on,
        "due_on": _day(state.due_at),
        "finished_on": finished_on,
        "waiting": state.is_waiting,
        "rated_on": _day(state.rated_at),
        "answered_lateness": state.apologised_at is not None or state.extensions > 0,
        "internal_due_on": _day(state.internal_due_at),
        "internal_finished_on": _day(state.internal_finished_at),
        **dict(zip(_COPIED, _copied(state), strict=True)),
    }


def _day(instant: datetime | None) -> date | None:
    return local_date(instant) if instant is not None else None


Entry = tuple[str, str, str, date, date, int]
"""(unit, field, kind, day, effective_on, count): what a dossier adds to the rollup of a day, and from which day on."""


def entries(of_dossier: Sequence[dict[str, Any]]) -> list[Entry]:
    """What one dossier contributes to the rollup, in double entry: each span adds when it begins, takes back when it ends.

    Kinds: `online` and `other` (received), `early`, `on_time`, `late` (finished), `overdue` (open past its promise).
    A figure of a window as of its end is the sum of entries with their day in the window and effective by its end.
    """
    total: Counter[tuple[str, str, str, date, date]] = Counter()
    for span in of_dossier:
        begin, end = max(span["valid_from"], span["received_on"]), span["valid_to"]
        if begin >= end:
            continue
        for kind, day, since in _contributions(span, begin):
            if since < end:
                total[span["unit"], span["field"], kind, day, since] += 1
                if end != FOR_EVER:
                    total[span["unit"], span["field"], kind, day, end] -= 1
    return [(*key, count) for key, count in sorted(total.items()) if count]


def _contributions(span: dict[str, Any], begin: date) -> list[tuple[str, date, date]]:
    found = [("online" if span["channel"] == "online" else "other", span["received_on"], begin)]
    due, finished = span["due_on"], span["finished_on"]
    if finished is not None:
        found.append((_verdict(span["outcome"], finished, due), finished, begin))
    elif due is not None and not span["waiting"]:
        # the day of an overdue entry is fixed, so that consecutive spans cancel; only `effective_on` counts
        since = max(begin, due + timedelta(days=1))
        found.append(("overdue", due, since))
    return found


def _verdict(outcome: str | None, finished: date, due: date | None) -> str:
    if outcome != "completed" or due is None or finished == due:
        return "on_time"
    return "early" if finished < due else "late"


async def replace_spans(
    session: Session[Any],
    changed: Sequence[tuple[str, str]],
    rows: Sequence[dict[str, Any]],
    *,
    table: str = "span",
    columns: Mapping[str, str] = COLUMNS,
) -> None:
    """Put the spans of these (unit, code) in the place of their old ones."""
    await session.execute(
        f"DELETE FROM {table} USING unnest($1::text[], $2::text[]) AS k(u, c) WHERE unit = k.u AND code = k.c",
        [unit for unit, _ in changed],
        [code for _, code in changed],
    )
    names = ", ".join(columns)
    types = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    await session.execute(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_to_recordset($1::jsonb) AS t({types})",
        _encode(rows).decode(),
    )


class Revised(Protocol):
    """A snapshot of something that has a code within its unit."""

    @property
    def unit(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def revision(self) -> int: ...


R = TypeVar("R", bound=Revised)


def newest(snapshots: Sequence[R]) -> list[R]:
    """The highest revision of each code, in key order: a key twice, or unsorted keys, break or deadlock the upsert."""
    best: dict[tuple[str, str], R] = {}
    for one in snapshots:
        key = (one.unit, one.code)
        if key not in best or best[key].revision < one.revision:
            best[key] = one
    return [best[key] for key in sorted(best)]


async def store_newer(session: Session[Any], snapshots: Sequence[Snapshot]) -> list[tuple[str, str]]:
    """Keep snapshots that are newer than what is known, without a rollup; returns the dossiers that changed."""
    wanted = newest(snapshots)
    changed = await keep_revisions(session, wanted)
    if changed:
        fresh = [span for one in wanted if (one.unit, one.code) in changed for span in spans(one)]
        await replace_spans(session, sorted(changed), fresh)
    return sorted(changed)


async def keep_revisions(
    session: Session[Any], wanted: Sequence[Revised], *, table: str = "fact"
) -> set[tuple[str, str]]:
    """Note the newest revision of each (unit, code), given in key order; returns those that were not known."""
    rows = await session.fetch(
        f"""
        INSERT INTO {table} AS f (unit, code, revision) SELECT * FROM unnest($1::text[], $2::text[], $3::int[])
        ON CONFLICT (unit, code) DO UPDATE SET revision = excluded.revision WHERE f.revision < excluded.revision
        RETURNING unit, code
        """,
        [one.unit for one in wanted],
        [one.code for one in wanted],
        [one.revision for one in wanted],
    )
    return {(row["unit"], row["code"]) for row in rows}
