"""The questions that operators ask of the notification service, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from shared.metrics import counter, gauge, histogram


class NotificationMetrics:
    """Named once; labels are bounded by units and rules."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.alerts = counter(
            registry, "motcua_alerts_total", "Alerts by what became of them", ["unit", "rule", "status"]
        )
        self.delivery_seconds = histogram(registry, "motcua_delivery_seconds", "Time of one delivery attempt")
        self.pending = gauge(registry, "motcua_deliveries_pending", "Alerts that still have to be delivered")
