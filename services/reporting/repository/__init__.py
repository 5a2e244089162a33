"""All queries of the reporting service; each runs in a transaction that the edge commits."""

from services.reporting.repository.facts import (
    count_spans,
    list_behind,
    list_units,
    longest_overdue,
    sum_rollup,
    upsert_facts,
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
    "add_report",
    "count_spans",
    "find_file",
    "find_report",
    "freeze",
    "list_behind",
    "list_counted",
    "list_keys",
    "list_reports",
    "list_units",
    "longest_overdue",
    "sum_rollup",
    "upsert_facts",
]
