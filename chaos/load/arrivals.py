"""When sessions begin in the open loop: a Poisson process drawn from the seed.

Users of a public service do not know of each other and do not wait for each other; their arrivals are Poisson
(Schroeder, Wierman, Harchol-Balter: "Open versus closed: a cautionary tale", NSDI 2006).
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random


def arrival_offsets(per_second: float, seed: int) -> Iterator[float]:
    """Endless times of arrival in seconds after the start; the same for the same rate and seed."""
    random = Random(f"{seed}/arrivals")
    offset = 0.0
    while True:
        offset += random.expovariate(per_second)
        yield offset


def session_random(seed: int, number: int) -> Random:
    """The randomness of one session: depends on its number only, never on how others fared."""
    return Random(f"{seed}/session/{number}")
