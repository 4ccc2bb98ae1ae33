"""load_count: how many requests of one kind failed, for what must not happen even once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.sample import Count, LoadStream, NoSample


class LoadCount(Struct, frozen=True, kw_only=True):
    """Number of requests named `request` that ended as `outcome`; `region` narrows it to users of that region.

    For what a share cannot say: `<= 0` of a thousand writes lost is a promise, 99.9 % kept is a broken one. The number
    counts all that happened in the window, so it has no interval and a single one decides. No request at all is no
    sample; ask for enough of them by `minSamples`.
    """

    source: ClassVar[Literal["load"]] = "load"
    measures: ClassVar[Literal["number"]] = "number"

    request: str
    outcome: Literal["failures", "successes"] = "failures"
    region: str = ""

    def reduce(self, streams: Sequence[LoadStream]) -> Count | NoSample:
        wanted = [s for s in streams if s.request == self.request and self.region in ("", s.region)]
        total = sum(stream.count for stream in wanted)
        if total == 0:
            return NoSample(f"no request {self.request!r} was made{f' in {self.region}' if self.region else ''}")
        failures = sum(stream.failures for stream in wanted)
        return Count(number=failures if self.outcome == "failures" else total - failures, total=total)
