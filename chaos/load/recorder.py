"""Turns request events into LoadStreams. Holds counts, not single requests, so its size does not grow with load.

Only a locustfile that keeps a history of its operations has those written down one by one.
"""

from __future__ import annotations

from chaos.model.history import Operation
from chaos.model.sample import Histogram, LoadReport, LoadStream, bucket_of

MAX_KINDS = 500
"""Distinct (request, region) pairs; what comes after them is counted under OTHER. Names with ids in them fill this."""

MAX_ERRORS = 20
"""Distinct error texts per report."""

MAX_OPERATIONS = 5_000
"""Operations of a history per report: what a run's journal can bear. A history with holes proves nothing."""

OTHER = "(other)"
_MAX_ERROR_LENGTH = 200


class Recorder:
    """Collects between two reports. Not thread-safe: everything happens in one gevent loop."""

    def __init__(self) -> None:
        self._kinds: set[tuple[str, str]] = set()
        self._streams: dict[tuple[int, str, str], _Stream] = {}
        self._errors: dict[str, int] = {}
        self._lag_ms = 0.0
        self._operations: list[Operation] = []
        self.operations_lost = 0

    def operation(self, operation: Operation) -> None:
        """Unlike all else these are kept one by one: which one it was is what is asked about."""
        if len(self._operations) < MAX_OPERATIONS:
            self._operations.append(operation)
        else:
            self.operations_lost += 1

    def request(self, kind: tuple[str, str], second: int, value: float, size: int) -> None:
        """A request that succeeded, or a measure: `kind` is (request, region), `value` milliseconds or the measure."""
        stream = self._stream(kind, second)
        stream.count += 1
        stream.sum_value += value
        stream.bytes += size
        bucket = bucket_of(value)
        stream.buckets[bucket] = stream.buckets.get(bucket, 0) + 1

    def failed(self, kind: tuple[str, str], second: int, size: int, error: str) -> None:
        """A request that failed. It has no place in the histogram: nothing was served whose time could be told."""
        stream = self._stream(kind, second)
        stream.count += 1
        stream.failures += 1
        stream.bytes += size
        self.error(f"{kind[0]}: {error}")

    def error(self, text: str) -> None:
        text = text[:_MAX_ERROR_LENGTH]
        if text not in self._errors and len(self._errors) >= MAX_ERRORS:
            text = OTHER
        self._errors[text] = self._errors.get(text, 0) + 1

    def lag(self, milliseconds: float) -> None:
        self._lag_ms = max(self._lag_ms, milliseconds)

    def take(self, at: float, active_users: int, unfinished: int | None = None) -> LoadReport:
        """Everything since the last call. `unfinished` is given with the last one."""
        report = LoadReport(
            at=at,
            streams=tuple(stream.frozen(key) for key, stream in sorted(self._streams.items())),
            lag_ms=round(self._lag_ms, 3),
            active_users=active_users,
            failures=self._errors,
            finished=unfinished is not None,
            unfinished=unfinished or 0,
            operations=tuple(self._operations),
            operations_lost=self.operations_lost,
        )
        self._operations, self.operations_lost = [], 0
        self._streams, self._errors, self._lag_ms = {}, {}, 0.0
        return report

    def _stream(self, kind: tuple[str, str], second: int) -> _Stream:
        if kind not in self._kinds:
            if len(self._kinds) < MAX_KINDS:
                self._kinds.add(kind)
            else:
                kind = (OTHER, "")
        return self._streams.setdefault((second, *kind), _Stream())


class _Stream:
    """A LoadStream in the making."""

    __slots__ = ("buckets", "bytes", "count", "failures", "sum_value")

    def __init__(self) -> None:
        self.count = 0
        self.failures = 0
        self.sum_value = 0.0
        self.bytes = 0
        self.buckets: dict[int, int] = {}

    def frozen(self, key: tuple[int, str, str]) -> LoadStream:
        second, request, region = key
        return LoadStream(
            second=second,
            request=request,
            region=region,
            count=self.count,
            failures=self.failures,
            sum_value=round(self.sum_value, 3),
            bytes=self.bytes,
            histogram=Histogram(self.buckets),
        )
