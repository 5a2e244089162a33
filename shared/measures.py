"""One definition of each figure, used by report, plan, index and board alike; a cell's list is the same condition.

Conditions are SQL over a span (`shared.facts`) as of the end of the window: $1 = first day, $2 = last day, both
inclusive, $3 = the units. Sources: contracts.md §5 (columns), plans.md §C (rates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

AS_OF = "unit = ANY($3::text[]) AND valid_from <= $2::date AND valid_to > $2::date AND received_on <= $2::date"
"""The one span of each dossier (or petition) that tells how it stood at the end of $2."""

RECEIVED = "received_on >= $1::date"
DONE = "finished_on BETWEEN $1::date AND $2::date"
DUE = "due_on BETWEEN $1::date AND $2::date"
RATED = "rated_on BETWEEN $1::date AND $2::date"
OPEN = "finished_on IS NULL"
COMPLETED = f"{DONE} AND outcome = 'completed'"
OVERDUE = f"{OPEN} AND NOT waiting AND due_on < $2::date"
LATE = f"(({COMPLETED} AND finished_on > due_on) OR ({OVERDUE}))"

_CARRIED = "received_on < $1::date AND (finished_on IS NULL OR finished_on >= $1::date)"

INTERNAL = "internal_finished_on BETWEEN $1::date AND $2::date"

COLUMNS: dict[str, str] = {
    "c3": f"(({RECEIVED}) OR ({_CARRIED}))",
    "c4": f"{RECEIVED} AND channel = 'online'",
    "c5": f"{RECEIVED} AND channel IS DISTINCT FROM 'online'",
    "c6": _CARRIED,
    "c7": DONE,
    "c8": f"{COMPLETED} AND finished_on < due_on",
    "c9": f"{DONE} AND (outcome <> 'completed' OR due_on IS NULL OR finished_on = due_on)",
    "c10": f"{COMPLETED} AND finished_on > due_on",
    "c11": OPEN,
    "c12": f"{OPEN} AND (waiting OR due_on IS NULL OR due_on >= $2::date)",
    "c13": OVERDUE,
}
"""Columns 3–13 of form II.06a/VPCP/KSTT as conditions; counting them row by row is the slow, independent way."""


def _sum(*kinds: str, when: str = "day >= $2") -> str:
    names = ", ".join(f"'{kind}'" for kind in kinds)
    return f"coalesce(sum(n) FILTER (WHERE kind IN ({names}) AND {when}), 0)"


_RECEIVED_BEFORE = _sum("online", "other", when="day < $2")
_DONE_BEFORE = _sum("early", "on_time", "late", when="day < $2")
_ALL = f"{_sum('online', 'other')} + {_RECEIVED_BEFORE} - {_DONE_BEFORE}"
_LEFT = f"{_ALL} - {_sum('early', 'on_time', 'late')}"
_LATE_NOW = _sum("overdue", when="true")

SUMS: dict[str, str] = {
    "c3": _ALL,
    "c4": _sum("online"),
    "c5": _sum("other"),
    "c6": f"{_RECEIVED_BEFORE} - {_DONE_BEFORE}",
    "c7": _sum("early", "on_time", "late"),
    "c8": _sum("early"),
    "c9": _sum("on_time"),
    "c10": _sum("late"),
    "c11": _LEFT,
    "c12": f"{_LEFT} - {_LATE_NOW}",
    "c13": _LATE_NOW,
}
"""The same columns as sums over the rollup's entries effective by the window's end; $2 = first day. Tests compare both."""


SPAN, PETITION_SPAN, OWED_REPORT = "span", "petition_span", "owed_report"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share: of the dossiers in `base`, those that also meet `hit`; nobody knows more than the facts say."""

    name: str
    base: str
    hit: str
    unknown: str = "false"
    table: str = SPAN


@dataclass(frozen=True, kw_only=True)
class Count:
    """A plain number of dossiers or petitions."""

    name: str
    base: str
    table: str = SPAN


def _flag(name: str, base: str, flag: str) -> Rate:
    return Rate(name=name, base=base, hit=f"{flag} IS TRUE", unknown=f"{flag} IS NULL")


_RATES = (
    Rate(name="on_time_rate", base=DONE, hit="outcome <> 'completed' OR due_on IS NULL OR finished_on <= due_on"),
    Rate(name="satisfaction_rate", base=f"{RATED} AND rating IS NOT NULL", hit="rating >= 4"),
    Rate(name="rated_rate", base=COMPLETED, hit="rating IS NOT NULL"),
    Rate(name="online_rate", base=RECEIVED, hit="channel = 'online'"),
    Rate(name="online_full_rate", base=RECEIVED, hit="channel = 'online' AND service_level = 'full'"),
    Rate(name="online_partial_rate", base=RECEIVED, hit="channel = 'online' AND service_level = 'partial'"),
    _flag("online_payment_rate", f"{RECEIVED} AND fee_due IS TRUE", "paid_online"),
    _flag("digitised_input_rate", RECEIVED, "digitised_input"),
    _flag("digitised_result_rate", COMPLETED, "digitised_result"),
    _flag("e_result_rate", COMPLETED, "e_result"),
    _flag("result_file_rate", COMPLETED, "result_file"),
    _flag("data_reuse_rate", RECEIVED, "reused_data"),
    _flag("cross_boundary_rate", RECEIVED, "cross_boundary"),
    _flag("post_return_rate", COMPLETED, "postal_return"),
    Rate(name="post_in_rate", base=RECEIVED, hit="channel = 'post'"),
    Rate(
        name="certified_e_copy_rate",
        base=f"{COMPLETED} AND certified_copy IS NOT NULL",
        hit="certified_copy = 'electronic'",
    ),
    Rate(name="apology_rate", base=f"{DUE} AND {LATE}", hit="answered_lateness"),
    Rate(
        name="handled_on_time_rate",
        base=COLUMNS["c3"],
        hit=f"({COLUMNS['c8']}) OR ({COLUMNS['c9']}) OR ({COLUMNS['c12']})",
    ),
    Rate(
        name="digitised_dossier_rate",
        base=COMPLETED,
        hit="digitised_input IS TRUE AND e_result IS TRUE",
        unknown="digitised_input IS NULL OR e_result IS NULL",
    ),
    Rate(
        name="internal_on_time_rate",
        base=INTERNAL,
        hit="internal_due_on IS NULL OR internal_finished_on <= internal_due_on",
    ),
)
"""`handled_on_time_rate` is QĐ 766's progress: done on time or open in time, of all received or handled in the period."""
_COUNTS = (
    Count(name="open_overdue", base=OVERDUE),
    Count(name="received", base=RECEIVED),
    Count(name="due_today", base=f"{OPEN} AND NOT waiting AND due_on = $2::date"),
    Count(name="waiting_payment", base=f"{OPEN} AND waiting AND status = 'payment_requested'"),
    Count(name="late_with_apology", base=f"{DUE} AND {LATE} AND answered_lateness"),
    Count(name="late_without_apology", base=f"{DUE} AND {LATE} AND NOT answered_lateness"),
    Count(name="paused_open", base=f"{OPEN} AND waiting AND status = 'supplement_requested'"),
    Count(name="returned", base=f"{DONE} AND outcome = 'returned'"),
    Count(name="withdrawn", base=f"{DONE} AND outcome = 'withdrawn'"),
    Count(name="stopped", base=f"{DONE} AND outcome = 'stopped'"),
    Count(name="late_causes", base=LATE),
    Count(name="internal_settlement", base=INTERNAL),
    Count(name="internal_early", base=f"{INTERNAL} AND internal_finished_on < internal_due_on"),
    Count(
        name="internal_on_time",
        base=f"{INTERNAL} AND (internal_due_on IS NULL OR internal_finished_on = internal_due_on)",
    ),
    Count(name="internal_late", base=f"{INTERNAL} AND internal_finished_on > internal_due_on"),
    Count(name="handled_late", base=f"({COLUMNS['c10']}) OR ({COLUMNS['c13']})"),
    Count(name="dissatisfied", base=f"({COLUMNS['c3']}) AND rating <= 2"),
    Count(name="without_due_date", base=f"({COLUMNS['c3']}) AND due_on IS NULL"),
    Count(name="without_channel", base=f"({COLUMNS['c3']}) AND channel IS NULL"),
    Count(name="without_agency", base=f"({COLUMNS['c3']}) AND agency IS NULL"),
    Count(name="interagency_dossiers", base=f"{DONE} AND inter_agency IS TRUE"),
    Count(name="archived", base="true"),
    Count(name="settlement", base=COLUMNS["c3"]),
)

PETITION_OPEN = "settled_on IS NULL"
PETITION_OVERDUE = f"{PETITION_OPEN} AND due_on < $2::date"
PETITION_LATE = f"(late_rounds > 0 OR coalesce(settled_on > due_on, false) OR coalesce({PETITION_OVERDUE}, false))"
"""Answered or rejected after the answer's deadline in any round, or open past it; without a deadline nothing is late."""
_SETTLED = "settled_on BETWEEN $1::date AND $2::date"

_PETITION_RATES = (
    Rate(name="petition_on_time_rate", base=RECEIVED, hit=f"NOT {PETITION_LATE}", table=PETITION_SPAN),
    Rate(
        name="petition_satisfaction_rate",
        base=RECEIVED,
        hit=f"NOT ({PETITION_LATE} OR reopenings > 0 OR satisfied IS FALSE)",
        unknown="satisfied IS NULL",
        table=PETITION_SPAN,
    ),
)
"""QĐ 766's two measures of petitions first received in the window (domain.md §3); several bad signs deduct one petition once."""
_PETITION_BASES = {
    "petitions_received": RECEIVED,
    "petitions_open": PETITION_OPEN,
    "petitions_overdue": PETITION_OVERDUE,
    "petitions_answered": f"{_SETTLED} AND outcome = 'answered'",
    "petitions_rejected": f"{_SETTLED} AND outcome = 'rejected'",
    "petitions_about_rules": f"{RECEIVED} AND petition_class = 'rules'",
    "petitions_about_staff": f"{RECEIVED} AND petition_class = 'staff'",
    "petitions_passed_on": f"{RECEIVED} AND transferred_on IS NOT NULL",
}
REPORT_ON_TIME = Rate(
    name="report_on_time_rate",
    base=f"{DUE} AND (handed_in_on IS NOT NULL OR late)",
    hit="handed_in_on <= due_on",
    table=OWED_REPORT,
)
"""Unit reports received by their due day ÷ due in the window; one whose day is not over counts when it has come.

An owed report is one row, not spans: what came by a due day within the window came by the window's end.
"""
PETITION_RATES: Mapping[str, Rate] = {one.name: one for one in _PETITION_RATES}
PETITION_COUNTS: Mapping[str, Count] = {
    name: Count(name=name, base=base, table=PETITION_SPAN) for name, base in _PETITION_BASES.items()
}

RATES: Mapping[str, Rate] = {
    **{one.name: one for one in (*_RATES, REPORT_ON_TIME)},
    **PETITION_RATES,
}
COUNTS: Mapping[str, Count] = {**{one.name: one for one in _COUNTS}, **PETITION_COUNTS}

UNMEASURED: Mapping[str, str] = {
    "one_stop_procedure_rate": "needs the procedure catalogue",
    "brand_identity_rate": "needs people's checklist, given as evidence",
    "e_system_rate": "needs a second ledger to compare with",
    "publication_rate": "needs the procedure catalogue",
    "procedures_reviewed_rate": "needs people's reviews, given as evidence",
    "vertical_dossiers": "needs the procedure catalogue",
    "cut_limit_missed": "needs the city's shortened limits",
    "plan_progress": "counts the plan's own items",
    "index_transparency": "needs the dates on which procedures were published",
    "index_synchronised": "needs the national portal's count",
    "index_online": "its formula is unresolved",
    "index_personal_storage": "needs the citizens' store",
    "index_population_data": "needs marks of population data used",
    "index_not_for_communes": "does not apply to a commune",
}
"""Measures that plans and index name and that the stream alone cannot give: they show no value, never 0 % and never met."""

KNOWN = frozenset({*RATES, *COUNTS, *UNMEASURED})


@dataclass(frozen=True, kw_only=True)
class Share:
    """A measured share; compared exactly, never on a rounded figure."""

    hit: int
    base: int
    unknown: int = 0

    @property
    def value(self) -> Fraction | None:
        """The share, or `None` when there is nothing to share: neither 0 % nor 100 %."""
        return Fraction(self.hit, self.base) if self.base else None

    def reaches(self, at_least: Fraction | int) -> bool | None:
        """Whether `at_least` percent is reached: hit × 100 ≥ at_least × base; `None` without a value."""
        return self.hit * 100 >= at_least * self.base if self.base else None


def as_of(table: str) -> str:
    """Which rows of a table tell how things stood at the end of $2; an owed report has one row, true on every day."""
    return "unit = ANY($3::text[])" if table == OWED_REPORT else AS_OF


def share_query(rate: Rate) -> str:
    """SQL of one share: $1, $2 the window, $3 the units, $4 the fields or NULL for all, $5 the agency or NULL."""
    return f"""
        SELECT count(*) FILTER (WHERE {rate.hit}) AS hit, count(*) AS base,
               count(*) FILTER (WHERE {rate.unknown}) AS unknown
        FROM {rate.table} WHERE {as_of(rate.table)} AND {rate.base} AND $1::date IS NOT NULL
          AND ($4::text[] IS NULL OR field = ANY($4::text[])) AND ($5::text IS NULL OR agency = $5::text)
    """


def count_query(count: Count) -> str:
    """SQL of one count, with the parameters of `share_query`."""
    return f"""
        SELECT count(*) AS base FROM {count.table} WHERE {as_of(count.table)} AND {count.base} AND $1::date IS NOT NULL
          AND ($4::text[] IS NULL OR field = ANY($4::text[])) AND ($5::text IS NULL OR agency = $5::text)
    """


def percent(share: Share, *, digits: int = 1) -> str:
    """For people: `92,1 %`; cut, not rounded, so that 99,96 % is never printed as 100 %; `–` without a value."""
    if share.value is None:
        return "–"
    scaled = share.hit * 100 * 10**digits // share.base
    return f"{scaled // 10**digits},{scaled % 10**digits:0{digits}d} %"
