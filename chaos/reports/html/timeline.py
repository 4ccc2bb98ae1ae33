"""The run as a strip: its phases, and under them when each target was hit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from chaos.judge.story import Story

MOST_ROWS = 12


@dataclass(frozen=True)
class Bar:
    """Positions in percent of the strip's width. `text` has the times."""

    label: str
    left: float
    width: float
    text: str


@dataclass(frozen=True)
class Timeline:
    phases: list[Bar]
    hits: list[Bar]
    more: int
    """Hits that are left out for want of space; the table has them."""


def timeline(story: Story) -> Timeline:
    """Phases and hits on one scale, from the start of the run to its end."""
    begin = min(story.phases.values(), default=story.started.at)
    end = max(story.last_at, begin + 1.0)
    origin = story.method_began

    def bar(label: str, start: float, stop: float) -> Bar:
        left, width = 100 * (start - begin) / (end - begin), 100 * (stop - start) / (end - begin)
        return Bar(label, round(left, 2), round(max(width, 0.4), 2), f"{start - origin:.1f} s to {stop - origin:.1f} s")

    ordered = sorted(((at, phase) for phase, at in story.phases.items()), key=lambda item: item[0])
    spans = pairwise([*ordered, (end, "end")])
    held = [item for item in story.injections.values() if item.took_hold]
    hits = [
        bar(
            f"{item.begun.fault.kind} on {item.begun.target}",
            item.begun.at,
            item.reverted.at if item.reverted and not item.open else end,
        )
        for item in held[:MOST_ROWS]
    ]
    phases = [bar(phase, start, stop) for (start, phase), (stop, _) in spans if phase != "end" and stop > start]
    return Timeline(phases, hits, max(0, len(held) - MOST_ROWS))
