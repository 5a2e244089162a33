"""What boards may read: views in the schema `board`, and the role `board` that reads them and nothing else.

Each view belongs to the service whose table it shows, so it can show no more than that service has; none holds a name,
an address or any other datum of a citizen. Views of rules (units, periods, targets, words) hold the files' content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import ConfigDict

from services.provisioning import DATABASE, database_url
from shared import facts, petition_facts
from shared.boards import load_catalogue
from shared.periods import UnknownPeriod, load_period_rules, period
from shared.rules import RuleModel, load
from shared.topology import SERVICES
from shared.units import load_units

ROLE = SCHEMA = "board"
YEARS = range(2025, 2051)
"""Report periods that a board offers; those without a rule are left out."""

SETTINGS = (
    f"search_path = {SCHEMA}",
    "timezone = 'Asia/Ho_Chi_Minh'",
    "default_transaction_read_only = on",
    "statement_timeout = '20s'",
)
SERVICE_VIEWS: Mapping[str, tuple[str, str]] = {
    "span": ("reporting", f"SELECT {', '.join(facts.COLUMNS)} FROM reporting.span"),
    "petition_span": ("reporting", f"SELECT {', '.join(petition_facts.COLUMNS)} FROM reporting.petition_span"),
    "rollup": ("reporting", "SELECT unit, field, kind, day, effective_on, n FROM reporting.rollup"),
    "report": (
        "reporting",
        'SELECT r.unit, r.form, r.period, r.version, r.begin, r."end", r.closed_at, r.supersedes, p.event,'
        " p.published_at, p.acknowledge_by, p.acknowledged_at"
        " FROM reporting.report r LEFT JOIN reporting.publication p USING (unit, form, period, version)",
    ),
    "proposal": (
        "reporting",
        "SELECT id, unit, form, period, version, status, opened_at, decided_at, jsonb_array_length(cells) AS cells,"
        " jsonb_array_length(causes) AS dossiers FROM reporting.report_proposal",
    ),
    "forecast": (
        "reporting",
        'SELECT unit, period, begin, "end", expected, low, high, must_finish, computed_at FROM reporting.forecast',
    ),
    "progress": (
        "inspection",
        'SELECT plan, target, period, begin, "end", hit, base, unknown, verdict, measured_at FROM inspection.progress',
    ),
    "source": (
        "dossier",
        "SELECT name, is_live, newest_at, last_recorded_at, silent_since"
        " FROM dossier.source LEFT JOIN dossier.source_watch USING (name)",
    ),
    "source_count": ("dossier", "SELECT source, day, what, detail, count FROM dossier.source_count"),
    "intake": (
        "dossier",
        "SELECT unit, code, (clocks #>> '{intake,started_at}')::timestamptz AS started_at,"
        " (clocks #>> '{intake,due_at}')::timestamptz AS due_at,"
        " (clocks #>> '{intake,answered_at}')::timestamptz AS answered_at"
        " FROM dossier.dossier_clock WHERE clocks ? 'intake'",
    ),
    "clock": ("dossier", "SELECT unit, code, is_open, differs FROM dossier.dossier_clock"),
    "apology": (
        "dossier",
        "SELECT unit, code, due_at, standing, since, field, agency, new_due_at FROM dossier.apology",
    ),
    "alert": (
        "notification",
        "SELECT unit, rule, role, urgency, status, decided_at, delivered_at, attempts FROM notification.alert",
    ),
}
"""View → the service that owns it, and what it shows."""


async def provision_boards(admin_url: str, password: str, rules: Path) -> None:
    """Make the role and, where they are not as they should be, the views; run it after the migrations.

    Raises `RuleError` when the rules that views hold are wrong.
    """
    inside = await asyncpg.connect(database_url(admin_url))
    try:
        exists = await inside.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE)
        literal = await inside.fetchval("SELECT quote_literal($1)", password)  # DDL takes no parameters
        await inside.execute(f"{'ALTER' if exists else 'CREATE'} ROLE {ROLE} LOGIN PASSWORD {literal}")
        await inside.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {ROLE}")
        for setting in SETTINGS:
            await inside.execute(f"ALTER ROLE {ROLE} SET {setting}")
        await _make_views(inside, [*_service_views(), *_rule_views(rules)])
    finally:
        await inside.close()


async def _make_views(inside: asyncpg.Connection[Any], views: Sequence[tuple[str, str, str]]) -> None:
    """All in one transaction: who looks at a board meanwhile waits for a moment and misses nothing."""
    edition = hashlib.sha256(json.dumps(views).encode()).hexdigest()
    known = await inside.fetchval("SELECT obj_description(to_regnamespace($1), 'pg_namespace')", SCHEMA)
    present = {
        row["viewname"] for row in await inside.fetch("SELECT viewname FROM pg_views WHERE schemaname = $1", SCHEMA)
    }
    # a migration drops the views of its service first (shared.database), so their absence counts as well
    if known == edition and present == {name for name, _, _ in views}:
        return
    async with inside.transaction():
        await inside.execute("SET LOCAL lock_timeout = '15s'")
        await inside.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        await inside.execute(f"CREATE SCHEMA {SCHEMA}")
        for name, owner, query in views:
            await inside.execute(f"CREATE VIEW {SCHEMA}.{name} AS {query}")
            if owner:
                await inside.execute(f"ALTER VIEW {SCHEMA}.{name} OWNER TO {owner}")
        # a service finds its own views, to drop them before a migration
        await inside.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {', '.join((ROLE, *SERVICES))}")
        await inside.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {ROLE}")
        await inside.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{edition}'")


class _Titles(RuleModel):
    model_config = ConfigDict(extra="ignore")
    titles: dict[str, str]


def _service_views() -> list[tuple[str, str, str]]:
    return [(name, owner, query) for name, (owner, query) in SERVICE_VIEWS.items()]


def _rule_views(rules: Path) -> list[tuple[str, str, str]]:
    catalogue, periods = load_catalogue(rules), load_period_rules(rules)
    units = [
        {"code": one.code, "title": one.name, "province": one.province_name, "founded": one.founded.isoformat()}
        for one in load_units(rules)
    ]
    windows = list[dict[str, Any]]()
    for code in (f"{year}{part}" for year in YEARS for part in ("", "-Q1", "-Q2", "-Q3", "-Q4")):
        try:
            one = period(code, periods)
        except UnknownPeriod:
            continue
        windows.append(
            {"code": code, "kind": one.kind.value, "begin": one.begin.isoformat(), "end": one.end.isoformat()}
        )
    titles = load(rules / "measures.yaml", _Titles).titles
    words = [
        {"kind": kind, "key": key, "title": title}
        for kind, known in {**catalogue.labels, "measure": titles}.items()
        for key, title in known.items()
    ]
    return [
        ("unit", "", _rows(units, code="text", title="text", province="text", founded="date")),
        ("period", "", _rows(windows, code="text", kind="text", begin="date", end="date")),
        ("label", "", _rows(words, kind="text", key="text", title="text")),
        (
            "target",
            "",
            _rows(
                [asdict(one) for one in catalogue.targets.values()],
                id="text", plan="text", number="text", unit="text", title_vi="text", measure="text", at_least="int",
            ),
        ),
    ]  # fmt: skip


def _rows(rows: Sequence[dict[str, Any]], **types: str) -> str:
    """A query whose rows are these."""
    content = json.dumps(rows, ensure_ascii=False, default=date.isoformat).replace("'", "''")
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in types.items())
    return f"SELECT * FROM jsonb_to_recordset('{content}'::jsonb) AS t({columns})"
