"""What operators ask of sources, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from services.dossier.scorecard.domain import FACTS, Card
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
        self.quiet = gauge(
            registry, "motcua_source_quiet_seconds", "Office hours since a live source was last heard", ["source"]
        )
        self.out_of_order = gauge(
            registry, "motcua_source_out_of_order", "Statements of today that came behind newer ones", ["source"]
        )
        self.gaps = gauge(
            registry, "motcua_source_gaps", "Numbers of today's series that never came", ["source", "series"]
        )
        self.moves = gauge(
            registry, "motcua_source_moves", "Statements of today that turned a dossier back", ["source", "move"]
        )
        self.missing_facts = gauge(
            registry, "motcua_source_missing_facts", "Receptions of today that do not say a fact", ["source", "fact"]
        )
        self.code_date_differs = gauge(
            registry,
            "motcua_source_code_date_differs",
            "Receptions of today on another day than their dossier's code says",
            ["source"],
        )
        self._known = set[str]()

    def show(self, source: str, card: Card) -> None:
        """The card of the day so far; a source without a label of its own has none, for sums of cards are no card."""
        label = self.label(source)
        if label == OTHER:
            return
        self.out_of_order.labels(label).set(card.out_of_order)
        self.gaps.labels(label, "id").set(card.id_gaps.missing)
        self.gaps.labels(label, "code").set(card.code_gaps.missing)
        self.moves.labels(label, "reopened").set(card.reopened)
        self.moves.labels(label, "backward").set(card.backward)
        for fact in FACTS:
            self.missing_facts.labels(label, fact).set(card.missing_facts.get(fact, 0))
        self.code_date_differs.labels(label).set(card.code_date_differs)

    def label(self, source: str) -> str:
        """The source's own label, or `other` when there are too many."""
        if source in self._known:
            return source
        if len(self._known) >= MOST_SOURCES:
            return OTHER
        self._known.add(source)
        return source
