"""The questions that operators and leaders ask of the reporting service, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from shared.metrics import counter, histogram


class ReportingMetrics:
    """Named once; labels are bounded by the number of units."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.facts = counter(
            registry, "motcua_facts_changed_total", "Dossier facts that a newer revision changed", ["unit"]
        )
        self.closed = counter(registry, "motcua_reports_closed_total", "Reports closed", ["unit", "form"])
        self.figure_seconds = histogram(registry, "motcua_figures_seconds", "Time to compute one form's figures")
