"""When sessions begin in the open loop: a Poisson process drawn from the seed.

Users of a public service do not know of each other and do not wait for each other; their arrivals are Poisson
(Schroeder, Wierman, Harchol-Balter: "Open versus closed: a cautionary tale", NSDI 2006).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from chaos.load.shape import Shape


def arrival_offsets(shape: Shape, seed: int) -> Iterator[float]:
    """Times of arrival in seconds after the start; the same for the same shape and seed.

    Endless, unless the shape ends at a rate of 0. A rate that changes is met exactly, by a change of time: a process
    of rate 1, run along the integral of the rate, is the process with that rate (Çinlar: "Introduction to Stochastic
    Processes", 1975, section 4.7). Unlike thinning it draws one number an arrival, so that two shapes with the same
    seed begin their n-th session after the same amount of expected load.
    """
    random = Random(f"{seed}/arrivals")
    expected = 0.0
    while True:
        expected += random.expovariate(1.0)
        offset = shape.reaches(expected)
        if math.isinf(offset):
            return
        yield offset


def session_random(seed: int, number: int) -> Random:
    """The randomness of one session: depends on its number only, never on how others fared."""
    return Random(f"{seed}/session/{number}")
