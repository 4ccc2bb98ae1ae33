"""Which title a viewer picks: a few are watched by many, most by few.

Zipf's law with an exponent near 0.8 to 1 is what video catalogues show (Cha, Kwak, Rodriguez, Ahn, Moon: "I tube, you
tube, everybody tubes", IMC 2007).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random


def pick(titles: Sequence[str], zipf_exponent: float, random: Random) -> str:
    """One of the titles on offer.

    A title's rank among them follows from its id (a hash), in whatever order they are offered: a premiere is the same
    title for everyone, and in every run.
    """
    if zipf_exponent == 0:
        return random.choice(titles)
    ranked = sorted(titles, key=lambda title: hashlib.sha256(title.encode()).digest())
    [picked] = random.choices(ranked, [rank**-zipf_exponent for rank in range(1, len(ranked) + 1)])
    return picked
