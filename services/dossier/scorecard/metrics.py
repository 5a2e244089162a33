"""What operators ask of sources, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from shared.metrics import counter, gauge, histogram

MOST_SOURCES = 500
"""Sources with a label of their own; a sender that invents names must not fill Prometheus."""
OTHER = "other"


class SourceMetrics:
    """Named once; the label `source` bears only names of sources whose statements were accepted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.statements = counter(
            registry, "motcua_source_statements_total", "Statements by source and verdict", ["source", "verdict"]
        )
        self.delay = histogram(
            registry,
            "motcua_source_delay_seconds",
            "Time from what happened to its recording",
            ["source"],
            buckets=(60, 300, 900, 3600, 4 * 3600, 86400, 3 * 86400, 7 * 86400, 30 * 86400),
        )
        self.silent = gauge(
            registry, "motcua_source_silent", "1 while a live source is silent in office hours", ["source"]
        )
        self._known = set[str]()

    def label(self, source: str) -> str:
        """The source's own label, or `other` when there are too many."""
        if source in self._known:
            return source
        if len(self._known) >= MOST_SOURCES:
            return OTHER
        self._known.add(source)
        return source
