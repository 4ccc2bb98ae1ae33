"""Which quality comes next: a buffer-based rule.

BBA-0 of Huang, Johari, McKeown, Trunnell, Watson: "A buffer-based approach to rate adaptation: evidence from a large
video streaming service" (SIGCOMM 2014). It needs no estimate of the throughput: the level of the buffer is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from target_platform.viewers.behaviour import Buffer


def next_rung(rates: Sequence[float], current: int, level_seconds: float, buffer: Buffer) -> int:
    """The index of the rate to fetch next. `rates` ascend; `level_seconds` is what the buffer holds.

    Below the reservoir the lowest, above reservoir and cushion the highest, between them a line; the rung changes only
    when the line has reached the next one, so that a level at a boundary does not make it flap.
    """
    highest = len(rates) - 1
    if level_seconds <= buffer.reservoir_seconds:
        return 0
    if level_seconds >= buffer.reservoir_seconds + buffer.cushion_seconds:
        return highest
    part = (level_seconds - buffer.reservoir_seconds) / buffer.cushion_seconds
    affordable = rates[0] + part * (rates[highest] - rates[0])
    if current < highest and affordable >= rates[current + 1]:
        return max(rung for rung, rate in enumerate(rates) if rate <= affordable)
    if current > 0 and affordable <= rates[current - 1]:
        return min(rung for rung, rate in enumerate(rates) if rate >= affordable)
    return current
