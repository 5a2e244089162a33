"""Charts as SVG, drawn here: no script runs in the reader's browser. Sizes and colours are attributes and classes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from services.reporting.board.domain import written
from shared.localtime import LOCAL

WIDTH, HEIGHT = 480, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 24, 12, 26


def bar(value: Any, most: Any, mark: Any = None) -> Markup:
    """A horizontal bar; `mark` is a threshold on the same scale."""
    share = 0.0 if not most or value is None else min(100.0, float(value) * 100 / float(most))
    line = (
        Markup('<rect class="mark" x="{}%" y="0" width="3" height="18"/>').format(
            f"{min(99.0, float(mark) * 100 / float(most)):.2f}"
        )
        if mark is not None and most
        else ""
    )
    return Markup(
        '<svg class="bar" height="18" aria-hidden="true"><rect class="track" width="100%" height="18" rx="3"/>'
        '<rect class="fill" width="{}%" height="18" rx="3"/>{}</svg>'
    ).format(f"{share:.2f}", line)


def lines(rows: Sequence[dict[str, Any]], suffix: str) -> Markup:
    """A time series: `time`, then a line for each other column; the column `Chỉ tiêu` is drawn dashed."""
    names = [name for name in rows[0] if name != "time" and any(row[name] is not None for row in rows)]
    values = [float(row[name]) for row in rows for name in names if row[name] is not None]
    if not values:
        return Markup("")
    low, high = _scale(values, percent="%" in suffix)
    drawn = [_grid(low, high), _days([row["time"] for row in rows])]
    series = [name for name in names if name != "Chỉ tiêu"]
    for name in names:
        dashed = name == "Chỉ tiêu"
        css = "target" if dashed else f"line s{series.index(name)}"
        points = [
            (_x(n, len(rows)), _y(float(row[name]), low, high)) for n, row in enumerate(rows) if row[name] is not None
        ]
        drawn.append(
            Markup('<polyline class="{}" points="{}"/>').format(css, " ".join(f"{x:.1f},{y:.1f}" for x, y in points))
        )
        if not dashed:
            drawn += [
                Markup('<circle class="dot s{}" cx="{}" cy="{}" r="3"><title>{}</title></circle>').format(
                    series.index(name),
                    f"{_x(n, len(rows)):.1f}",
                    f"{_y(float(row[name]), low, high):.1f}",
                    f"{_local(row['time']):%d/%m}: {name} {written(row[name], suffix)}",
                )
                for n, row in enumerate(rows)
                if row[name] is not None
            ]
    label = ", ".join(f"{name}: {written(_last(rows, name), suffix)}" for name in names)
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join(drawn)
    )


def legend(rows: Sequence[dict[str, Any]], suffix: str) -> list[tuple[str, str, str]]:
    """(class, name, last value) of each line."""
    names = [
        name for name in (rows[0] if rows else {}) if name != "time" and any(row[name] is not None for row in rows)
    ]
    series = [name for name in names if name != "Chỉ tiêu"]
    return [
        ("target" if name == "Chỉ tiêu" else f"s{series.index(name)}", name, written(_last(rows, name), suffix))
        for name in names
    ]


def _last(rows: Sequence[dict[str, Any]], name: str) -> Any:
    return next((row[name] for row in reversed(rows) if row[name] is not None), None)


_STEPS = sorted(part * 10**power for power in range(9) for part in (1, 2, 5))
"""Between two lines of the grid lies a number that people count by."""


def _scale(values: Sequence[float], *, percent: bool) -> tuple[float, float]:
    if percent:
        return max(0.0, (min(values) // 10) * 10 - (10 if min(values) == max(values) else 0)), 100.0
    step = next(n for n in _STEPS if n * 4 >= max(values))
    return 0.0, float(step * 4)


def _x(n: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (n / (count - 1) if count > 1 else 0.5)


def _y(value: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low or 1))


def _grid(low: float, high: float) -> Markup:
    steps = [low + (high - low) * n / 4 for n in range(5)]
    return Markup("").join(
        Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="axis" x="{}" y="{}">{}</text>').format(
            LEFT,
            WIDTH - RIGHT,
            *(f"{_y(step, low, high):.1f}",) * 2,
            LEFT - 6,
            f"{_y(step, low, high) + 4:.1f}",
            written(Decimal(f"{step:.1f}") if step % 1 else round(step)),
        )
        for step in steps
    )


def _days(times: Sequence[datetime]) -> Markup:
    every = max(1, -(-len(times) // 7))
    return Markup("").join(
        Markup('<text class="day" x="{}" y="{}">{}</text>').format(
            f"{_x(n, len(times)):.1f}", HEIGHT - 6, f"{_local(time):%d/%m}"
        )
        for n, time in enumerate(times)
        if n % every == 0
    )


def _local(time: datetime) -> datetime:
    return time.astimezone(LOCAL)
