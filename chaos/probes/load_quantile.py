"""load_quantile: a quantile of the latency of one kind of request, as the users saw it.

A request that failed counts as slower than any threshold. Leaving failures out would let a system improve its latency
by failing its slow requests, and counting what they took would let it improve by failing fast. So `p95 <= 300ms` says:
95 of 100 requests got a good answer within 300 ms. Errors can thus break a latency objective, never help it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.sample import NEVER_MS, Histogram, LoadStream, NoSample, Spread, bucket_of


class LoadQuantile(Struct, frozen=True, kw_only=True):
    """Milliseconds, from the intended start, within which the share `quantile` of `request` was answered well.

    `region` narrows it to users of that region. At most 2 % above the true value (the width of a bucket).
    """

    source: ClassVar[Literal["load"]] = "load"
    measures: ClassVar[Literal["milliseconds"]] = "milliseconds"

    request: str
    quantile: Annotated[float, Meta(gt=0, lt=1)]
    region: str = ""

    def reduce(self, streams: Sequence[LoadStream]) -> Spread | NoSample:
        wanted = [s for s in streams if s.request == self.request and self.region in ("", s.region)]
        answered = Histogram.merged(stream.histogram for stream in wanted)
        total = sum(stream.count for stream in wanted)
        if total == 0:
            return NoSample(f"no request {self.request!r} was made{f' in {self.region}' if self.region else ''}")
        unanswered = max(0, total - answered.total)
        failed = Histogram({bucket_of(NEVER_MS): unanswered} if unanswered else {})
        return Spread(Histogram.merged([answered, failed]), self.quantile)
