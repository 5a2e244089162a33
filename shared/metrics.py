"""Prometheus collectors that may be asked for twice: four services of one process share one registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

Metric = TypeVar("Metric", bound=MetricWrapperBase)

_known: WeakKeyDictionary[CollectorRegistry, dict[str, MetricWrapperBase]] = WeakKeyDictionary()


def _once(
    kind: type[Metric], registry: CollectorRegistry, name: str, text: str, labels: Sequence[str], **more: Any
) -> Metric:
    of_registry = _known.setdefault(registry, {})
    if name not in of_registry:
        of_registry[name] = kind(name, text, labelnames=labels, registry=registry, **more)
    known = of_registry[name]
    assert isinstance(known, kind), f"{name} was registered as another kind of metric"
    return known


def counter(registry: CollectorRegistry, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """A counter; `name` ends in `_total`, labels are bounded (a unit is a label, a dossier never)."""
    return _once(Counter, registry, name, text, labels)


def gauge(registry: CollectorRegistry, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """A gauge with bounded labels."""
    return _once(Gauge, registry, name, text, labels)


def histogram(
    registry: CollectorRegistry,
    name: str,
    text: str,
    labels: Sequence[str] = (),
    buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS,
) -> Histogram:
    """A histogram of seconds with bounded labels."""
    return _once(Histogram, registry, name, text, labels, buckets=buckets)
