"""One stream of reports out of those of several workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from chaos.model.sample import Histogram, LoadReport, LoadStream

PATIENCE_SECONDS = 1.5
"""How long a report waits for the other workers'. A worker that is late must not keep the rest from the guardrails."""


class Merger:
    """Collects the reports of `workers` workers; `now` gives monotonic seconds."""

    def __init__(self, workers: int, now: Callable[[], float] = time.monotonic) -> None:
        self._workers = workers
        self._now = now
        self._pending: list[LoadReport] = []
        self._heard: set[int] = set()
        self._oldest_at = 0.0
        self._active: dict[int, int] = {}
        self._finished: dict[int, int] = {}

    def add(self, worker: int, reports: Iterable[LoadReport]) -> None:
        for report in reports:
            if not self._pending:
                self._oldest_at = self._now()
            self._pending.append(report)
            self._heard.add(worker)
            self._active[worker] = report.active_users
            if report.finished:
                self._finished[worker] = report.unfinished

    def take(self) -> LoadReport | None:
        """What is pending as one report, when every worker has said something (or is too late); else None."""
        everyone = len(self._heard | self._finished.keys()) == self._workers
        if not self._pending or not (everyone or self._now() - self._oldest_at >= PATIENCE_SECONDS):
            return None
        finished = len(self._finished) == self._workers
        report = LoadReport(
            at=max(report.at for report in self._pending),
            streams=merged_streams([stream for report in self._pending for stream in report.streams]),
            lag_ms=max(report.lag_ms for report in self._pending),
            active_users=sum(self._active.values()),
            failures=_added(report.failures for report in self._pending),
            finished=finished,
            unfinished=sum(self._finished.values()) if finished else 0,
            operations=tuple(each for report in self._pending for each in report.operations),
            operations_lost=sum(report.operations_lost for report in self._pending),
        )
        self._pending, self._heard = [], set()
        return report


def merged_streams(streams: Sequence[LoadStream]) -> tuple[LoadStream, ...]:
    """One stream for each second, request and region."""
    by_key: dict[tuple[int, str, str], list[LoadStream]] = {}
    for stream in streams:
        by_key.setdefault((stream.second, stream.request, stream.region), []).append(stream)
    return tuple(_one(same) for _, same in sorted(by_key.items()))


def _one(same: list[LoadStream]) -> LoadStream:
    first = same[0]
    if len(same) == 1:
        return first
    return LoadStream(
        second=first.second,
        request=first.request,
        region=first.region,
        count=sum(stream.count for stream in same),
        failures=sum(stream.failures for stream in same),
        sum_value=sum(stream.sum_value for stream in same),
        bytes=sum(stream.bytes for stream in same),
        histogram=Histogram.merged(stream.histogram for stream in same),
    )


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for text, count in each.items():
            total[text] = total.get(text, 0) + count
    return total
