"""What a view knows of a run: a journal's events taken in one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from chaos.judge.story import InjectionStory, Story, note, tell
from chaos.model.events import Event, Judged, Loaded, PhaseBegan, RunStarted, Sampled
from chaos.model.sample import LoadReport, Measurement, merge
from chaos.model.verdict import Verdict

KEPT_SECONDS = 300
"""How far back sparklines can reach."""

NOW_SECONDS = 5.0
"""Current values are over the last so many seconds: one second has few samples."""


@dataclass
class Seen:
    """One objective: its measurements by the second they belong to, and why there was none."""

    by_second: dict[int, Measurement] = field(default_factory=dict)
    missing: str = ""

    def add(self, of: float, measurement: Measurement) -> None:
        second = math.floor(of)
        known = self.by_second.get(second)
        merged = merge([known, measurement]) if known is not None else measurement
        assert merged is not None
        self.by_second[second] = merged
        self.missing = ""
        while len(self.by_second) > KEPT_SECONDS:
            del self.by_second[min(self.by_second)]

    def recent(self, seconds: float) -> Measurement | None:
        """The last seconds that have any sample, merged."""
        if not self.by_second:
            return None
        since = max(self.by_second) - seconds
        return merge(measurement for second, measurement in self.by_second.items() if second > since)


@dataclass
class State:
    """Of a run so far; without `story` not even its first line is written."""

    story: Story | None = None
    seen: dict[str, Seen] = field(default_factory=dict)
    load: LoadReport | None = None
    phase: str = ""

    @property
    def injections(self) -> list[InjectionStory]:
        return list(self.story.injections.values()) if self.story else []

    @property
    def verdict(self) -> Verdict | None:
        return self.story.judged if self.story else None

    @property
    def ended(self) -> bool:
        return self.story is not None and (self.story.ended is not None or self.story.judged is not None)

    def take(self, events: Iterable[Event]) -> None:
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        if self.story is None:
            if isinstance(event, RunStarted):
                self.story = tell([event])
            return
        if isinstance(event, Sampled):
            self._sampled(event)
        elif isinstance(event, Loaded):
            note(self.story, event)
            self.load = event.report if event.report.streams or self.load is None else self.load
        else:
            note(self.story, event)
        if isinstance(event, PhaseBegan):
            self.phase = event.phase
        if not isinstance(event, Judged):  # a run may be judged again a year later
            self.story.last_at = max(self.story.last_at, event.at)

    def _sampled(self, event: Sampled) -> None:
        """Kept by the second and not in the story, which would hold every sample of a long run."""
        for name, measurement in event.values.items():
            self.seen.setdefault(name, Seen()).add(event.of, measurement)
        for name, reason in event.missing.items():
            self.seen.setdefault(name, Seen()).missing = reason
