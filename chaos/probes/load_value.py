"""load_value: a quantile of a value that the users report, such as a bitrate or the share of time a picture stood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.sample import Histogram, LoadStream, NoSample, Spread


class LoadValue(Struct, frozen=True, kw_only=True):
    """The value of `measure` that the share `quantile` of users did not exceed, in the measure's own unit.

    A measure is what a locustfile reports with the request type `measure`: viewers report `bitrate_kbps` and
    `rebuffer_permille`, once a screening. `region` narrows it to users of that region. At most 2 % above the true
    value.
    """

    source: ClassVar[Literal["load"]] = "load"
    measures: ClassVar[Literal["number"]] = "number"

    measure: Annotated[str, Meta(examples=["rebuffer_permille"])]
    quantile: Annotated[float, Meta(gt=0, lt=1)]
    region: str = ""

    def reduce(self, streams: Sequence[LoadStream]) -> Spread | NoSample:
        wanted = [s for s in streams if s.request == self.measure and self.region in ("", s.region)]
        values = Histogram.merged(stream.histogram for stream in wanted)
        if values.total == 0:
            return NoSample(f"no {self.measure!r} was reported{f' in {self.region}' if self.region else ''}")
        return Spread(values, self.quantile)
