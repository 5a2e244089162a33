"""The questions that leaders ask of the inspection service, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from shared.metrics import gauge, histogram


class InspectionMetrics:
    """Named once; labels are bounded by units and targets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ratio = gauge(
            registry, "motcua_plan_target_ratio", "Share of a target in its plan's period", ["unit", "target"]
        )
        self.measure_seconds = histogram(registry, "motcua_plan_measure_seconds", "Time to measure one plan")
