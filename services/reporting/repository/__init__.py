"""All queries of the reporting service; each runs in a transaction that the edge commits."""

from services.reporting.repository.facts import (
    count_measures,
    count_spans,
    list_behind,
    list_units,
    longest_overdue,
    sum_rollup,
    upsert_facts,
)
from services.reporting.repository.proposals import (
    add_proposal,
    count_unjudged,
    decide,
    find_last_proposal,
    find_proposal,
    list_causes,
    list_proposals,
    list_unjudged,
    note_judged,
)
from services.reporting.repository.reports import (
    add_report,
    find_file,
    find_report,
    freeze,
    list_counted,
    list_keys,
    list_reports,
)

__all__ = [
    "add_proposal",
    "add_report",
    "count_measures",
    "count_spans",
    "count_unjudged",
    "decide",
    "find_file",
    "find_last_proposal",
    "find_proposal",
    "find_report",
    "freeze",
    "list_behind",
    "list_causes",
    "list_counted",
    "list_keys",
    "list_proposals",
    "list_reports",
    "list_units",
    "list_unjudged",
    "longest_overdue",
    "note_judged",
    "sum_rollup",
    "upsert_facts",
]
