"""Round trips over one link before and after a delay was added, and what is made of them.

A busy machine makes a round trip slower and never faster, so of several the fastest says most.
"""

from __future__ import annotations

from collections.abc import Callable

from chaos.model.fault import Active, Observation
from chaos.model.links import LONG_DELAY_MS, Delay

_LOOKS = 3
_MOST_LOOKS = 12
"""On a busy machine three in a row may all be late; over a link between regions twelve take less than a second."""

Measure = Callable[[], float | None]
"""One round trip in milliseconds; None when nothing answers."""


def usual_ms(measure: Measure, delay: Delay) -> float | None:
    """The fastest round trip: of three, or of many while it is slow enough to be mistaken for the delay.

    None when the link does not answer.
    """
    seen: list[float] = []
    for look in range(1, _MOST_LOOKS + 1):
        took = measure()
        if took is not None:
            seen.append(took)
        if look >= _LOOKS and min(seen, default=0.0) <= delay.least_ms / 2:
            break
    return min(seen, default=None)


def judged(measure: Measure, before_ms: float, delay: Delay) -> Observation | None:
    """Whether the delay is there; None when the link does not answer.

    It is when every round trip is late. One that is not proves that it is gone, unless the jitter is so large that a
    delayed one may be that fast: then none may be late, and if only some are, nobody can tell.
    """
    seen: list[float] = []
    for _ in range(1 if delay.delay_ms >= LONG_DELAY_MS else _LOOKS):
        took = measure()
        if took is None:
            return None
        seen.append(took)
        if delay.one_early_is_enough and took - before_ms < delay.least_ms:
            break
    late = [took for took in seen if took - before_ms >= delay.least_ms]
    said = f"{'a round trip takes' if len(seen) == 1 else 'round trips take'} {_listed(seen)} ms"
    before = f"it took {before_ms:.1f} ms before"
    if late == seen:
        return Observation(Active.YES, f"{said}, {before}")
    if delay.one_early_is_enough or not late:
        return Observation(Active.NO, f"a round trip takes {min(seen):.1f} ms, {before}")
    return Observation(Active.UNKNOWN, f"{said}, some late and some not; {before}")


def _listed(times_ms: list[float]) -> str:
    *most, last = (f"{each:.1f}" for each in times_ms)
    return f"{', '.join(most)} and {last}" if most else last
