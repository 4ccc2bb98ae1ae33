"""What users did and saw over the run, added up by kind of request and region."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from chaos.judge.series import rank_value
from chaos.judge.story import Story
from chaos.model.events import Event, Loaded
from chaos.model.sample import Histogram, LoadStream


class StreamSummary(Struct, frozen=True, kw_only=True):
    """One kind of request in one region ("" for a region that was not told).

    `median` and `p95` are milliseconds from the intended start of those that succeeded, or the value
    itself for a measure such as a bitrate; None when nothing succeeded.
    """

    request: str
    region: str
    count: int
    failures: int
    bytes: int
    mean: float | None
    median: float | None
    p95: float | None

    @property
    def is_measure(self) -> bool:
        """A value that players report, not the time a request took: named with its unit."""
        return self.request.endswith(_MEASURE_UNITS)


_MEASURE_UNITS = ("_permille", "_kbps", "_share", "_ms", "_seconds", "_count")


def load_summary(events: Iterable[Event], story: Story) -> tuple[StreamSummary, ...]:
    """All streams of the run's window (warm-up and drain left out), sorted by request and region."""
    begin, end = story.run_window
    parts: dict[tuple[str, str], list[LoadStream]] = {}
    for event in events:
        if isinstance(event, Loaded):
            for stream in event.report.streams:
                if begin <= stream.second < end:
                    parts.setdefault((stream.request, stream.region), []).append(stream)
    return tuple(_summary(request, region, streams) for (request, region), streams in sorted(parts.items()))


def _summary(request: str, region: str, streams: list[LoadStream]) -> StreamSummary:
    histogram = Histogram.merged(stream.histogram for stream in streams)
    total = histogram.total
    return StreamSummary(
        request=request,
        region=region,
        count=sum(stream.count for stream in streams),
        failures=sum(stream.failures for stream in streams),
        bytes=sum(stream.bytes for stream in streams),
        mean=sum(stream.sum_value for stream in streams) / total if total else None,
        median=rank_value(histogram, 0.5) if total else None,
        p95=rank_value(histogram, 0.95) if total else None,
    )
