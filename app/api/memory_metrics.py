"""Metrics of decisions and of the store. No label holds anything of a customer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

UP: Final = "up"
TOTALS: Final = {
    "commits": ("kith_store_commits", "Transactions committed."),
    "written": ("kith_store_written", "Decisions, outcomes, verdicts and erasures written."),
    "failed": ("kith_store_failed", "Writes that the database refused."),
}


class Watched(Protocol):
    """What a store tells of itself."""

    @property
    def state(self) -> str:
        """``up``, ``down`` or ``full``."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Running totals, and how many writes are waiting."""
        ...


class _Idle:
    """A store that is not there yet."""

    state = "down"
    counts: Mapping[str, int] = {}


class MemoryMetrics(Collector):
    """Counts what handlers tell, and reads the store's own counts when it is scraped."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every metric."""
        self._watched: Watched = _Idle()
        self.decisions = Counter(
            "kith_decisions",
            "Decisions made; those on record before are not counted again.",
            ["mode", "arm", "slice", "evidence", "action"],
            registry=registry,
        )
        self.suppressed = Counter(
            "kith_suppressed",
            "Actions that a layer of rules took from a decision.",
            ["layer"],
            registry=registry,
        )
        self.outcomes = Counter("kith_outcomes", "Outcomes taken.", ["type", "joined_by"], registry=registry)
        self.erasures = Counter("kith_erasures", "Customers erased.", registry=registry)
        registry.register(self)

    def watch(self, store: Watched) -> None:
        """Read the counts of a store from now on."""
        self._watched = store

    def count_decision(self, answer: Mapping[str, Any]) -> None:
        """Count one decision, if it is one, is new, and is meant."""
        if not answer["eligible"] or answer["replay"] or answer["mode"] == "dry_run":
            return
        first, assigned = answer["actions"][0], answer["assignment"]
        self.decisions.labels(
            answer["mode"], assigned["arm"], assigned["slice"], first["evidence"], first["type"]
        ).inc()
        for one in answer["suppressed"]:
            self.suppressed.labels(one["layer"]).inc()

    def collect(self) -> Iterator[Metric]:
        """Yield what the store tells of itself."""
        counts = self._watched.counts
        yield GaugeMetricFamily(
            "kith_store_up", "1 while the store takes what is written.", float(self._watched.state == UP)
        )
        yield GaugeMetricFamily("kith_store_waiting", "Writes that wait.", counts.get("waiting", 0))
        for name, (metric, text) in TOTALS.items():
            yield CounterMetricFamily(metric, text, counts.get(name, 0))
