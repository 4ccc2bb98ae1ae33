"""load_ratio: the share of one kind of request that succeeded, as the users saw it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.sample import LoadStream, NoSample, Ratio


class LoadRatio(Struct, frozen=True, kw_only=True):
    """Share of the requests named `request` that succeeded; `region` narrows it to users of that region."""

    source: ClassVar[Literal["load"]] = "load"
    measures: ClassVar[Literal["share"]] = "share"

    request: str
    region: str = ""

    def reduce(self, streams: Sequence[LoadStream]) -> Ratio | NoSample:
        wanted = [s for s in streams if s.request == self.request and self.region in ("", s.region)]
        total = sum(stream.count for stream in wanted)
        if total == 0:
            return NoSample(f"no request {self.request!r} was made{f' in {self.region}' if self.region else ''}")
        return Ratio(good=total - sum(stream.failures for stream in wanted), total=total)
