"""Panels as the page's templates want them: texts, bars, charts and links, no figure of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, select_autoescape
from prometheus_client import CollectorRegistry

from services.reporting.board import drawing
from services.reporting.board.domain import Asked, against, lasting, written
from services.reporting.board.usecases import PAGE, Choice, ShowBoards
from shared.boards import Board, Kind, Panel, Unit
from shared.boards.catalogue import FOLDER, Here
from shared.boards.sql import AGES

SUFFIX: Mapping[Unit, str] = {
    Unit.PERCENT: " %",
    Unit.DAYS: " ngày",
    Unit.SECONDS: " giây",
    Unit.BYTES: " byte",
    Unit.PER_SECOND: "/giây",
}
NOTHING = "Không có gì để hiện."
GOOD_WORDS, BAD_WORDS = {"Đạt", "Đang đạt", "Tăng", "Đang gửi"}, {"Không đạt", "Chưa đạt", "Không tăng"}
REFRESH_SECONDS = 120


class Page:
    """Renders boards and lists from the templates among the rules."""

    def __init__(self, rules_root: Path, show: ShowBoards, registry: CollectorRegistry) -> None:
        self._folder = rules_root / FOLDER / "page"
        self._show, self._registry = show, registry
        self._jinja = Environment(loader=FileSystemLoader(self._folder), autoescape=select_autoescape(["j2"]))
        self.css = (self._folder / "board.css").read_text("utf-8")

    def enter(self, wrong: str = "") -> str:
        """The page that asks for a token."""
        return self._jinja.get_template("enter.html.j2").render(wrong=wrong)

    def board(self, board: Board, choice: Choice, figures: Mapping[str, Sequence[dict[str, Any]]]) -> str:
        """A whole board."""
        query = query_of(choice)
        rows = [
            {
                "title": row.title_vi,
                "panels": [
                    self._panel(board, one, figures.get(one.id), choice.asked, query)
                    for one in row.panels
                    if one.query is not None or one.here is not None
                ],
                "elsewhere": [one.title_vi for one in row.panels if one.query is None and one.here is None],
            }
            for row in board.rows
        ]
        return self._jinja.get_template("board.html.j2").render(
            board=board,
            boards=self._show.catalogue.boards,
            rows=rows,
            refresh=REFRESH_SECONDS,
            query=query,
            **_chosen(choice),
        )

    def listed(
        self,
        board: Board,
        panel: Panel,
        choice: Choice,
        key: str | None,
        page: int,
        total: int,
        rows: Sequence[dict[str, Any]],
    ) -> str:
        """One page of the list behind a panel."""
        assert panel.listed is not None
        query, pages = query_of(choice), max(1, -(-total // PAGE))

        def at(number: int) -> str:
            more = {"page": str(number), **({"key": key} if key is not None else {})}
            return f"/board/{board.id}/{panel.id}?{query}&{urlencode(more)}"

        return self._jinja.get_template("list.html.j2").render(
            board=board, panel=panel, title=panel.listed.title_vi, part=self._part(panel, key), query=query,
            total_text=written(total), page=page, pages=pages, before=at(page - 1) if page > 1 else None,
            after=at(page + 1) if page < pages else None, refresh=None, **_table(rows), **_chosen(choice),
        )  # fmt: skip

    def _part(self, panel: Panel, key: str | None) -> str:
        if key is None or panel.listed is None:
            return ""
        words = self._show.catalogue.labels
        if panel.listed.by == "age":
            return next((label for low, _, label in AGES if str(low) == key), key)
        if panel.listed.by == "due_on":
            return "hẹn trả " + "/".join(reversed(key.split("-")))
        kind = {"agency": "agency", "reason_code": "reason"}.get(panel.listed.by or "", "")
        return words.get(kind, {}).get(key, key) or "Chưa rõ"

    def _panel(
        self, board: Board, panel: Panel, rows: Sequence[dict[str, Any]] | None, asked: Asked, query: str
    ) -> dict[str, Any]:
        link = f"/board/{board.id}/{panel.id}?{query}"
        one: dict[str, Any] = {"panel": panel, "standing": "plain", "href": link if panel.listed else None}
        if rows is None:
            return {**one, **self._plain(panel)}
        if not rows:
            return {**one, "note": NOTHING, "href": None}
        suffix = SUFFIX.get(panel.unit, "")
        at_least = self._show.threshold(panel, asked)
        if panel.kind in (Kind.STAT, Kind.GAUGE):
            return {**one, **self._stat(panel, rows[0], suffix, at_least)}
        if panel.kind is Kind.BARCHART:
            return {
                **one,
                "kind": "bars",
                "bars": _items(panel, rows, suffix, at_least, link),
                "target": self._goal(panel, at_least),
            }
        if panel.kind is Kind.TIMESERIES:
            return {**one, "kind": "lines", "svg": drawing.lines(rows, suffix), "legend": drawing.legend(rows, suffix)}
        return {**one, "kind": "table", **_table(rows, link if panel.listed and panel.listed.by else None)}

    def _stat(self, panel: Panel, row: dict[str, Any], suffix: str, at_least: int | None) -> dict[str, Any]:
        value = row["value"]
        detail = f"{written(row['hit'])} / {written(row['base'])}" if "base" in row else ""
        if row.get("unknown"):
            detail += f", {written(row['unknown'])} chưa rõ"
        return {
            "kind": "stat",
            "value": written(value, suffix if value is not None else ""),
            "detail": detail,
            "standing": against(value, at_least, none_is_good=panel.good == "none"),
            "bar": drawing.bar(value, 100, at_least) if panel.unit is Unit.PERCENT else "",
            "target": self._goal(panel, at_least),
        }

    def _goal(self, panel: Panel, at_least: int | None) -> str:
        """The plan's own words for the threshold; nothing where the plan is not this unit's."""
        if at_least is None or panel.target is None:
            return ""
        target = self._show.catalogue.targets[panel.target]
        return f"Chỉ tiêu {target.id} ({target.number}): từ {at_least} %"

    def _plain(self, panel: Panel) -> dict[str, Any]:
        """A panel of Prometheus from the process's own figures of this moment."""
        assert panel.here is not None
        found = _own(self._registry, panel.here)
        suffix = "" if panel.unit is Unit.PER_SECOND else SUFFIX.get(panel.unit, "")
        if panel.kind is Kind.STAT:
            value = round(sum(found.values()) if panel.here.take == "sum" else max(found.values(), default=0))
            return {
                "kind": "stat",
                "value": lasting(value) if panel.unit is Unit.SECONDS else written(value, suffix),
                "standing": against(value, None, none_is_good=panel.good == "none"),
            }
        if not found:
            return {"note": NOTHING}
        most = max(found.values()) or 1
        return {
            "kind": "bars",
            "bars": [
                {"label": label or panel.title_vi, "bar": drawing.bar(n, most), "value": written(round(n), suffix)}
                for label, n in sorted(found.items())
            ],
        }


def _own(registry: CollectorRegistry, here: Here) -> dict[str, float]:
    found = dict[str, float]()
    for metric in registry.collect():
        for sample in metric.samples:
            if sample.name == here.metric:
                label = sample.labels.get(here.by, "") if here.by else ""
                so_far = found.get(label)
                join = sum if here.take == "sum" else max
                found[label] = sample.value if so_far is None else join((so_far, sample.value))
    return found


def _items(
    panel: Panel, rows: Sequence[dict[str, Any]], suffix: str, at_least: int | None, link: str
) -> list[dict[str, Any]]:
    name = next(name for name in rows[0] if name not in ("key", "label", "hit", "base"))
    most = 100 if panel.unit is Unit.PERCENT else max((row[name] or 0 for row in rows), default=1) or 1
    by = panel.listed is not None and panel.listed.by is not None
    return [
        {
            "label": row["label"],
            "bar": drawing.bar(row[name], most, at_least),
            "value": written(row[name], suffix),
            "href": f"{link}&{urlencode({'key': row['key']})}" if by else None,
        }
        for row in rows
    ]


def _table(rows: Sequence[dict[str, Any]], link: str | None = None) -> dict[str, Any]:
    columns = [name for name in (rows[0] if rows else {}) if name != "key"]
    numeric = {name for name in columns if any(isinstance(row[name], int | Decimal) for row in rows)}
    return {
        "columns": columns,
        "numeric": numeric,
        "lines": [
            {
                "href": f"{link}&{urlencode({'key': row['key']})}" if link and "key" in row else None,
                "cells": [{"text": written(row[name]), "css": _css(name, row[name], numeric)} for name in columns],
            }
            for row in rows
        ],
    }


def _css(name: str, value: Any, numeric: set[str]) -> str:
    if name in numeric:
        return "n"
    if value in GOOD_WORDS:
        return "good"
    if value in BAD_WORDS:
        return "bad"
    length = len(str(value or ""))
    return "long" if length > 40 else "short" if length < 20 else ""


def query_of(choice: Choice) -> str:
    """What was chosen, as the query of a link."""
    units = ["all"] if choice.all_units else list(choice.asked.units)
    return urlencode([*(("unit", one) for one in units), ("period", choice.asked.period)])


def _chosen(choice: Choice) -> dict[str, Any]:
    names = dict(choice.units)
    asked = choice.asked
    where = (
        ", ".join(names.get(one, one) for one in asked.units) if len(asked.units) < 4 else f"{len(asked.units)} đơn vị"
    )
    return {
        "asked": asked, "units": choice.units, "periods": choice.periods, "all_units": choice.all_units, "where": where,
    }  # fmt: skip
