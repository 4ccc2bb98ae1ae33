"""What an instance counts, as Prometheus text. A registry of its own, so that several can live in one process."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_CALL = ("caller", "target", "region")


class Metrics:
    """In the labels of a call `target` is the called service and `region` that of the called instance."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = self.counter("requests", "Requests served", "route", "status")
        self.request_seconds = self._histogram("request_seconds", "Time to serve a request", "route")
        self.sent_bytes = self.counter("sent_bytes", "Bytes of response bodies handed to the socket")
        self.lost_log_lines = self.counter("lost_log_lines", "Lines of the access log that could not be written")
        self.attempts = self.counter("call_attempts", "Requests sent to a dependency", *_CALL, "outcome")
        self.calls = self.counter("calls", "Whole calls and how they ended", "target", "outcome")
        self.call_seconds = self._histogram("call_seconds", "Time of a whole call, retries included", "target")
        self.retries = self.counter("call_retries", "Attempts after the first", "target")
        self.fallbacks = self.counter("call_fallbacks", "Calls answered by a fallback", "target", "fallback")
        self._breakers = self._gauge("breaker_state", "0 closed, 1 half-open, 2 open; the best of a region", *_CALL)
        self._breaker = self._gauge("breaker_instance_state", "0 closed, 1 half-open, 2 open", *_CALL, "instance")

        self._waiting = self._gauge("bulkhead_waiting", "Calls that wait for a place to a dependency", "target")
        self._connections = self._gauge("connections_in_use", "Connections that the pool has lent", "target")

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        """A counter of a service's own; it is shown as NAME_total."""
        return Counter(name, meaning, labels, registry=self._registry)

    def gauges(self, name: str, meaning: str, *labels: str) -> Gauge:
        """Values that are set when they change."""
        return self._gauge(name, meaning, *labels)

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """A value that is asked for when the metrics are read."""
        self._gauge(name, meaning).set_function(value)

    def watch_breakers(self, labels: tuple[str, str, str], state: Callable[[], float]) -> None:
        """Show the state of the breakers of one callee in one region. It is asked for when the metrics are read."""
        self._breakers.labels(*labels).set_function(state)

    def watch_breaker(self, labels: tuple[str, str, str, str], state: Callable[[], float]) -> None:
        """The same for one instance."""
        self._breaker.labels(*labels).set_function(state)

    def watch_waiting(self, target: str, waiting: Callable[[], float]) -> None:
        """Show how many calls to a service wait for a place. It is asked for when the metrics are read."""
        self._waiting.labels(target).set_function(waiting)

    def watch_connections(self, target: str, in_use: Callable[[], float]) -> None:
        """Show how many connections to a service are in use. It is asked for when the metrics are read."""
        self._connections.labels(target).set_function(in_use)

    def forget_breakers(self, labels: tuple[str, str, str]) -> None:
        """Nobody of that callee is known in that region any more."""
        self._breakers.remove(*labels)

    def forget_breaker(self, labels: tuple[str, str, str, str]) -> None:
        """The same for one instance."""
        self._breaker.remove(*labels)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, registry=self._registry)

    def _histogram(self, name: str, meaning: str, *labels: str) -> Histogram:
        return Histogram(name, meaning, labels, buckets=_SECONDS, registry=self._registry)
