"""SQL of the boards, written by name: the conditions are those of `shared.measures`, so no board counts otherwise.

A query is a jinja2 text. Its words give conditions and expressions over the views that `services.board_views` makes;
who asks, and for which days and units, stands in front of it as the CTE `asked`, the same for Grafana and for our page.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from jinja2 import Environment, StrictUndefined

from shared.measures import AS_OF, COLUMNS, COUNTS, RATES, SPAN, SUMS

ASKED = {"begin": "date", "end": "date", "units": "text[]", "today": "date", "now": "timestamptz", "period": "text"}
"""What is asked: the window's first and last day, the units, the local day and the instant of asking, the period's code."""

BEGIN, END, UNITS, TODAY, NOW, PERIOD = (f'(SELECT "{name}" FROM asked)' for name in ASKED)
FOUNDED = f"(SELECT min(founded) FROM unit WHERE code = ANY({UNITS}::text[]))"


class UnknownName(LookupError):
    """A measure that nobody defined."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"unknown measure {name!r} (define it in shared/measures.py, or correct the name; a part of a share is "
            "NAME.base, NAME.hit or NAME.miss)"
        )


class UnknownTarget(UnknownName):
    """A target that stands in no plan."""

    def __init__(self, target: str) -> None:
        LookupError.__init__(self, f"no plan has a target {target!r} (correct the id)")


def bound(condition: str, begin: str, end: str, units: str = UNITS) -> str:
    """A condition of `shared.measures` with SQL expressions in the place of its parameters."""
    places = {"$1": begin, "$2": end, "$3": units}
    return re.sub(r"\$[123](?!\d)", lambda found: places[found.group()], condition)


class Queries:
    """Renders the catalogue's queries."""

    def __init__(self, targets: Container[str] | None = None) -> None:
        self._targets = targets
        # the text is our own rule file and its output SQL: there is no HTML to escape
        self._jinja = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self._jinja.globals.update(
            begin=BEGIN,
            end=END,
            units=UNITS,
            today=TODAY,
            now=NOW,
            share=self.share,
            count=self.count,
            among=self.among,
            is_in=self.is_in,
            percent=percent,
            columns=self.columns,
            as_of=as_of,
            threshold=self.threshold,
            word=word,
            unit_name=unit_name,
            age=age,
            ages=", ".join(f"({low}, '{label}')" for low, _, label in AGES),
            date_of=date_of,
            day=day,
            minute=minute,
            instant=instant,
            weeks=WEEKS,
            window_before=WINDOW_BEFORE,
        )

    def render(self, text: str) -> str:
        """The SQL of a query, without its CTE `asked`; raises `UnknownName`, `jinja2.TemplateError`."""
        return self._jinja.from_string(text).render().strip()

    def condition(self, name: str) -> tuple[str, str]:
        """Table and condition ($1, $2) of a column, a counted measure, or a share's part; raises `UnknownName`."""
        measure, _, part = name.partition(".")
        if part in ("base", "hit", "miss") and (rate := RATES.get(measure)):
            parts = {"base": "true", "hit": f"({rate.hit})", "miss": f"({rate.hit}) IS NOT TRUE"}
            return rate.table, f"{rate.base} AND {parts[part]}"
        if not part and measure in COLUMNS:
            return SPAN, COLUMNS[measure]
        if not part and measure in COUNTS:
            return COUNTS[measure].table, COUNTS[measure].base
        raise UnknownName(name)

    def among(self, name: str, begin: str = BEGIN, end: str = END) -> str:
        """`FROM … WHERE …`: the dossiers that a measure counts, as of the end of the window."""
        table, condition = self.condition(name)
        return f"FROM {table} WHERE {bound(AS_OF, begin, end)} AND ({bound(condition, begin, end)})"

    def is_in(self, name: str, begin: str = BEGIN, end: str = END) -> str:
        """The bare condition of a measure, for `count(*) FILTER (WHERE …)`."""
        return f"({bound(self.condition(name)[1], begin, end)})"

    def count(self, name: str, begin: str = BEGIN, end: str = END) -> str:
        """`SELECT` of one number, `value`."""
        return f"SELECT count(*) AS value {self.among(name, begin, end)}"

    def threshold(self, target: str) -> str:
        """What a plan asks for, when one unit is looked at and the plan is its own; NULL otherwise."""
        if self._targets is not None and target not in self._targets:
            raise UnknownTarget(target)
        asked = f"SELECT at_least FROM target WHERE id = '{target}' AND {UNITS}::text[] = ARRAY[target.unit]"
        return f"({asked})"

    def share(self, name: str, begin: str = BEGIN, end: str = END, by: str = "") -> str:
        """`SELECT` of `value` (percent), `hit`, `base`, `unknown`; with `by` a row for each value of that column."""
        if name not in RATES:
            raise UnknownName(name)
        rate = RATES[name]
        hit = f"count(*) FILTER (WHERE {bound(rate.hit, begin, end)})"
        unknown = f"count(*) FILTER (WHERE {bound(rate.unknown, begin, end)})"
        label, group = (f"{by} AS key, ", f" GROUP BY {by}") if by else ("", "")
        return (
            f"SELECT {label}{percent(hit, 'count(*)')} AS value, {hit} AS hit, count(*) AS base, {unknown} AS unknown "
            f"{self.among(f'{name}.base', begin, end)}{group}"
        )

    def columns(self, names: Sequence[str] = tuple(SUMS), begin: str = BEGIN, end: str = END) -> str:
        """`SELECT` of columns of form II.06a by unit and field from the rollup, as the report's figures are summed."""
        sums = ", ".join(f"{SUMS[name].replace('$2', begin)} AS {name}" for name in names)
        return (
            f"SELECT unit, field, {sums} FROM rollup WHERE unit = ANY({UNITS}::text[]) AND effective_on <= {end} "
            "GROUP BY unit, field"
        )


def percent(hit: str, base: str) -> str:
    """A share in percent with one digit, cut and not rounded, as `shared.measures.percent` says it; NULL without a base."""
    return f"round(({hit} * 1000 / nullif({base}, 0)) / 10.0, 1)"


def word(kind: str, key: str) -> str:
    """The word for a key of the data (`labels.yaml`), or the key itself."""
    return f"coalesce((SELECT title FROM label WHERE label.kind = '{kind}' AND label.key = {key}), {key}, 'Chưa rõ')"


AGES: Sequence[tuple[int, int | None, str]] = (
    (1, 3, "1–3 ngày"),
    (4, 7, "4–7 ngày"),
    (8, 15, "8–15 ngày"),
    (16, 30, "16–30 ngày"),
    (31, None, "Trên 30 ngày"),
)
"""How long over the promise, in days; the bars of an age chart."""


def age(days: str) -> str:
    """The key of the age group of a number of days: `1`, `4`, `8`, `16`, `31`."""
    cases = " ".join(f"WHEN {days} >= {low} THEN {low}" for low, _, _ in reversed(AGES))
    return f"(CASE {cases} END)"


def as_of(end: str) -> str:
    """How the dossiers of the units asked for stood at the end of a day."""
    return bound(AS_OF, end, end)


def unit_name(unit: str) -> str:
    """The name of a unit, or its code."""
    return f"coalesce((SELECT title FROM unit WHERE unit.code = {unit}), {unit})"


ZONE = "'Asia/Ho_Chi_Minh'"


def date_of(instant_: str) -> str:
    """The local day of an instant."""
    return f"({instant_} AT TIME ZONE {ZONE})::date"


def day(value: str) -> str:
    """A day or an instant as people here write a day; local time is the session's, set for both doors."""
    return f"to_char({value}, 'DD/MM/YYYY')"


def minute(value: str) -> str:
    """An instant as people here write it."""
    return f"to_char({value}, 'HH24:MI DD/MM/YYYY')"


def instant(day_: str) -> str:
    """The beginning of a local day, for the time axis."""
    return f"({day_}::timestamp AT TIME ZONE {ZONE})"


WEEKS = f"(SELECT {BEGIN} + n AS day FROM generate_series(0, {END} - {BEGIN}, 7) AS n)"
"""The weeks of the window by their first day; together they hold each of its days once."""

WINDOW_BEFORE = (
    f'(SELECT greatest(p.begin, {FOUNDED}) AS first_day, p."end" AS last_day FROM period AS p'
    f" WHERE p.kind = (SELECT q.kind FROM period AS q WHERE q.code = {PERIOD})"
    f' AND p."end" < {BEGIN} AND p."end" >= {FOUNDED} ORDER BY p."end" DESC LIMIT 1)'
)
"""First and last day of the report period before the one asked for; no row when the units were not founded yet."""


def asked_as(values: Mapping[str, str]) -> str:
    """The CTE `asked` from SQL expressions, one for each name of `ASKED`."""
    parts = ", ".join(f'({values[name]})::{type_} AS "{name}"' for name, type_ in ASKED.items())
    return f"WITH asked AS MATERIALIZED (SELECT {parts})"
