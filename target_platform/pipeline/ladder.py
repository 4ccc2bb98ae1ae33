"""The ladder of a title: which sizes at which rates in which codecs, from its measured complexity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from target_platform.media.published import Rendition
from target_platform.pipeline.complexity import MEASURED_HEIGHT
from target_platform.pipeline.master import Master
from target_platform.pipeline.profile import Codec, Profile, Rung

WORTH_A_RUNG = 1.15
"""A rung that takes less than so many times the bits of the one below it would be offered in vain."""


def ladder(master: Master, complexity_kbps: float, profile: Profile, codecs: dict[str, Codec]) -> tuple[Rendition, ...]:
    """From the lowest to the highest, one codec after the other. Nothing is scaled up."""
    rungs = list(_rungs(master, complexity_kbps, profile.rungs))
    return tuple(
        Rendition(
            name=f"{codec}-{height}",
            codec=codec,
            width=_even(master.width * height / master.height),
            height=height,
            kbps=round(kbps * codecs[codec].share),
        )
        for codec in profile.codecs
        for height, kbps in rungs
    )


def needed_kbps(complexity_kbps: float, height: int) -> float:
    """What H.264 needs at another size: bits grow with the number of pixels to the power of 0.75.

    A rule of thumb of encoding engineers (Waggoner's "power of .75"): neighbouring pixels of a larger picture are more
    alike.
    """
    return complexity_kbps * math.pow(height / MEASURED_HEIGHT, 2 * 0.75)


def _rungs(master: Master, complexity_kbps: float, offered: Sequence[Rung]) -> Iterator[tuple[int, float]]:
    """The first rung that would be larger than the master is as large as the master."""
    tall, below = 0, 0.0
    for rung in offered:
        height = min(rung.height, master.height // 2 * 2)
        kbps = min(max(needed_kbps(complexity_kbps, height), rung.least_kbps), rung.most_kbps)
        if height > tall and kbps >= WORTH_A_RUNG * below:
            yield height, kbps
            tall, below = height, kbps


def _even(length: float) -> int:
    """Colour is stored for two by two pixels."""
    return max(2, round(length / 2) * 2)
