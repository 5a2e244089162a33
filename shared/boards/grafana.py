"""Grafana's dashboards, rendered from the catalogue by plain jinja2; uids and ids are stable, so links survive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.boards.catalogue import COLUMNS, FOLDER, Board, Catalogue, Kind, Panel, Source, Unit
from shared.boards.sql import Queries, asked_as

BOARD_URL = "http://127.0.0.1:8090"
"""Where the reporting service answers in docker-compose.yml: the lists behind figures are its pages."""
POSTGRES = {"type": "grafana-postgresql-datasource", "uid": "postgres-board"}
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
UNITS: Mapping[Unit, str] = {
    Unit.COUNT: "none",
    Unit.PERCENT: "percent",
    Unit.DAYS: "suffix: ngày",
    Unit.SECONDS: "s",
    Unit.BYTES: "bytes",
    Unit.PER_SECOND: "suffix:/giây",
}
_TODAY = "(now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date"
_CHOSEN = "ARRAY[${unit:sqlstring}]::text[]"
_FOUNDED = f"(SELECT min(founded) FROM unit WHERE code = ANY({_CHOSEN}))"
ASKED = asked_as(
    {
        "begin": f"SELECT greatest(begin, {_FOUNDED}) FROM period WHERE code = ${{period:sqlstring}}",
        "end": f'SELECT least("end", greatest({_TODAY}, begin)) FROM period WHERE code = ${{period:sqlstring}}',
        "units": _CHOSEN,
        "today": _TODAY,
        "now": "now()",
        "period": "${period:sqlstring}",
    }
)
"""The CTE `asked` in Grafana's variables."""
UNIT_CHOICE = (
    "SELECT title || ' (' || code || ')' AS __text, code AS __value FROM unit"
    " WHERE code IN (SELECT DISTINCT unit FROM rollup) ORDER BY title, code"
)
PERIOD_CHOICE = (
    f'SELECT code FROM period WHERE begin <= {_TODAY} AND "end" >= (SELECT min(founded) FROM unit)'
    f' ORDER BY kind = \'quarter\' AND {_TODAY} BETWEEN begin AND "end" DESC, "end" DESC, begin DESC'
)


def uid(board: Board) -> str:
    """The dashboard's stable uid."""
    return f"motcua-{board.id}"


def render_dashboards(rules_root: Path, catalogue: Catalogue) -> dict[str, str]:
    """File name → JSON text of every dashboard."""
    jinja = Environment(loader=FileSystemLoader(rules_root / FOLDER / "grafana"), undefined=StrictUndefined)
    template = jinja.get_template("dashboard.json.j2")
    queries = Queries(catalogue.targets)
    found = dict[str, str]()
    for board in catalogue.boards:
        text = template.render(
            board=board, uid=uid(board), boards=[(uid(one), one.title_vi) for one in catalogue.boards], url=BOARD_URL,
            panels=list(_placed(board, catalogue, queries)), postgres=POSTGRES, unit_choice=UNIT_CHOICE,
            period_choice=PERIOD_CHOICE,
        )  # fmt: skip
        found[f"{uid(board)}.json"] = json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"
    return found


def _placed(board: Board, catalogue: Catalogue, queries: Queries) -> list[dict[str, Any]]:
    placed, number, y = list[dict[str, Any]](), 0, 0
    for row in board.rows:
        number += 1
        placed.append({"number": number, "row": row.title_vi, "x": 0, "y": y})
        y, x, height = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            number += 1
            placed.append(
                {
                    "number": number,
                    "row": None,
                    "panel": panel,
                    "x": x,
                    "y": y,
                    **_filled(board, panel, catalogue, queries),
                }
            )
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return placed


def _filled(board: Board, panel: Panel, catalogue: Catalogue, queries: Queries) -> dict[str, Any]:
    target = catalogue.targets.get(panel.target or "")
    about = panel.question_vi
    if target is not None and target.at_least is not None:
        about += f"\n\nChỉ tiêu {target.id} ({target.number}, đơn vị {target.unit}): từ {target.at_least} %."
    return {
        "about": about,
        "datasource": POSTGRES if panel.source is Source.POSTGRES else PROMETHEUS,
        "targets": _targets(panel, queries),
        "steps": _steps(panel, target.at_least if target else None),
        "grafana_unit": UNITS[panel.unit],
        "link": _link(board, panel) if panel.listed else None,
        "by": panel.listed is not None and panel.listed.by is not None,
    }


def grafana_sql(panel: Panel, queries: Queries) -> str:
    """The whole query of a panel, with Grafana's variables in it."""
    return f"{ASKED}\n{queries.render(panel.query or '')}"


def _targets(panel: Panel, queries: Queries) -> list[dict[str, Any]]:
    if panel.query is not None:
        shape = "time_series" if panel.kind is Kind.TIMESERIES else "table"
        query = {"refId": "A", "datasource": POSTGRES, "format": shape, "rawQuery": True, "editorMode": "code"}
        return [{**query, "rawSql": grafana_sql(panel, queries)}]
    return [
        {"refId": chr(65 + n), "datasource": PROMETHEUS, "expr": one.expr, "legendFormat": one.legend or "__auto",
         "instant": panel.kind is Kind.STAT, "range": panel.kind is not Kind.STAT}
        for n, one in enumerate(panel.metrics)
    ]  # fmt: skip


def _steps(panel: Panel, at_least: int | None) -> list[dict[str, Any]]:
    if panel.good == "none":
        return [{"value": None, "color": "green"}, {"value": 1, "color": "red"}]
    if panel.unit is Unit.PERCENT and at_least is not None:
        return [{"value": None, "color": "red"}, {"value": at_least, "color": "green"}]
    return [{"value": None, "color": "text"}]


def _link(board: Board, panel: Panel) -> str:
    chosen = "${unit:customqueryparam:unit}&period=${period:percentencode}"
    return f"${{board}}/board/{board.id}/{panel.id}?{chosen}"
