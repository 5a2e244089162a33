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
        self.published = counter(registry, "motcua_reports_published_total", "Reports published", ["unit", "form"])
        self.publication_failures = counter(
            registry, "motcua_report_publication_failures_total", "Failed attempts to publish a report"
        )
        self.acknowledgements = counter(
            registry, "motcua_report_acknowledgements_total", "Acknowledgements heard", ["unit", "verdict"]
        )
        self.figure_seconds = histogram(registry, "motcua_figures_seconds", "Time to compute one form's figures")
