"""Measurements: ratios and latency histograms, and what the load generator reports each second."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct

from chaos.model.history import Operation

GROWTH = 1.02
"""Width of a histogram bucket: neighbouring bounds differ by 2 %, so a quantile is at most 2 % off."""

SMALLEST = 0.01
"""Values at or below this land in bucket 0."""

NEVER_MS = 3_600_000.0
"""What a request that never got a good answer counts as in a quantile of latencies: slower than any threshold.
A quantile in this bucket reads "never"."""

_LOG_GROWTH = math.log(GROWTH)


def bucket_of(value: float) -> int:
    """The bucket of a value; bucket b > 0 holds (SMALLEST * GROWTH**(b-1), SMALLEST * GROWTH**b]."""
    if value <= SMALLEST:
        return 0
    return max(1, math.ceil(math.log(value / SMALLEST) / _LOG_GROWTH - 1e-9))


def upper_bound(bucket: int) -> float:
    """The largest value that a bucket holds."""
    return SMALLEST * GROWTH**bucket


class Histogram(Struct, frozen=True):
    """Counts per logarithmic bucket. Sparse, mergeable, JSON-ready (keys are bucket numbers)."""

    buckets: dict[int, int] = {}

    @property
    def total(self) -> int:
        return sum(self.buckets.values())

    @staticmethod
    def of(values: Iterable[float]) -> Histogram:
        counts: dict[int, int] = {}
        for value in values:
            bucket = bucket_of(value)
            counts[bucket] = counts.get(bucket, 0) + 1
        return Histogram(counts)

    @staticmethod
    def merged(parts: Iterable[Histogram]) -> Histogram:
        counts: dict[int, int] = {}
        for part in parts:
            for bucket, count in part.buckets.items():
                counts[bucket] = counts.get(bucket, 0) + count
        return Histogram(counts)

    def value_at_rank(self, rank: int) -> float:
        """The upper bound of the bucket that holds the rank-th smallest value (1-based)."""
        if not 1 <= rank <= self.total:
            raise ValueError(f"rank {rank} is outside 1..{self.total}")
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return upper_bound(bucket)
        raise AssertionError("unreachable: rank was checked against total")


class Ratio(Struct, frozen=True, tag="ratio"):
    """`good` of `total` events were as wished."""

    good: int
    total: int


class Spread(Struct, frozen=True, tag="spread"):
    """A distribution of values of which one quantile (0..1) is asked about."""

    histogram: Histogram
    quantile: float


class Count(Struct, frozen=True, tag="count"):
    """`number` of `total` events were of some kind: all that happened, not a sample of what might happen."""

    number: int
    total: int


Measurement = Ratio | Spread | Count


def count_of(measurement: Measurement) -> int:
    """How many events a measurement rests on."""
    return measurement.histogram.total if isinstance(measurement, Spread) else measurement.total


def merge(parts: Iterable[Measurement]) -> Measurement | None:
    """One measurement over all parts, or None for none. Parts of different kinds are a bug."""
    items = list(parts)
    if not items:
        return None
    first = items[0]
    if isinstance(first, Ratio):
        ratios = [part for part in items if isinstance(part, Ratio)]
        assert len(ratios) == len(items), "ratios and spreads were mixed under one name"
        return Ratio(sum(part.good for part in ratios), sum(part.total for part in ratios))
    if isinstance(first, Count):
        counts = [part for part in items if isinstance(part, Count)]
        assert len(counts) == len(items), "counts and others were mixed under one name"
        return Count(sum(part.number for part in counts), sum(part.total for part in counts))
    spreads = [part for part in items if isinstance(part, Spread)]
    assert len(spreads) == len(items), "ratios and spreads were mixed under one name"
    return Spread(Histogram.merged(part.histogram for part in spreads), first.quantile)


class NoSample(Struct, frozen=True):
    """Nothing could be measured, and why. A probe returns this instead of raising."""

    reason: str


class LoadStream(Struct, frozen=True, kw_only=True):
    """What the load generator saw of one kind of request in one region during one second.

    `second` is the epoch second in which the requests were *meant* to start; `histogram` holds
    milliseconds from that intended start (or the value itself for measures such as a bitrate) of those that succeeded,
    so its total is `count - failures`; `sum_value` is the sum of the same. `bytes` counts response bodies of all.
    Late reports for an earlier second are further LoadStreams with that second; they add up.
    """

    second: int
    request: str
    region: str = ""
    count: int
    failures: int = 0
    sum_value: float = 0.0
    bytes: int = 0
    histogram: Histogram = Histogram()


class LoadReport(Struct, frozen=True, kw_only=True):
    """One report of the load generator, about once a second.

    `lag_ms` is the worst delay, since the last report, between an intended start and the actual one: the generator's
    own fault, not the system's. `failures` samples the distinct error texts seen, with counts. `operations` is the
    history that a locustfile keeps of what it did with data, whole but for `operations_lost` that were too many.
    """

    at: float
    streams: tuple[LoadStream, ...] = ()
    lag_ms: float = 0.0
    active_users: int = 0
    failures: dict[str, int] = {}
    finished: bool = False
    unfinished: int = 0
    operations: tuple[Operation, ...] = ()
    operations_lost: int = 0
