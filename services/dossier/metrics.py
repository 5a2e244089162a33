"""The questions that operators and leaders ask of the dossier service, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from shared.metrics import counter, gauge, histogram


class DossierMetrics:
    """Named once; labels are bounded by the number of units and sources' doors."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.statements = counter(registry, "motcua_statements_total", "Statements by verdict", ["unit", "verdict"])
        self.events = counter(registry, "motcua_dossier_events_total", "Events said about dossiers", ["unit", "event"])
        self.petition_events = counter(
            registry, "motcua_petition_events_total", "Events said about petitions", ["unit", "event"]
        )
        self.batch_seconds = histogram(registry, "motcua_journal_batch_seconds", "Time to journal and fold one batch")
        self.portal_items = counter(
            registry, "motcua_portal_items_total", "Items of national-portal packets by verdict", ["unit", "verdict"]
        )
        self.heard_lag = gauge(
            registry, "motcua_source_heard_lag_seconds", "Now minus heard-up-to, by source", ["source"]
        )
        self.open_apologies = gauge(
            registry, "motcua_open_apologies", "Apologies not published yet, by state", ["unit", "state"]
        )
