"""Delays everything, the end of the stream too. Chunks travel side by side, so throughput is not limited."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

import msgspec

from chaos.proxy.delayed import Delayed
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class Latency(Toxic, frozen=True):
    """`latency` ms for each chunk, plus or minus up to `jitter` ms; never overtaking, and negative counts as none.

    `distribution` is uniform, normal (`jitter` is the standard deviation), pareto (`latency` is the least, `shape` the
    exponent of the tail: 3 is mild, 1.5 heavy) or histogram: recorded delays as [ms, weight] pairs in `histogram`, in
    place of latency and jitter. No delay is longer than `most` ms (0: any).
    """

    PROTOCOLS = ("tcp", "udp")
    MAGNITUDES = ("latency", "jitter")
    OURS = ("distribution", "shape", "histogram", "most")

    latency: int = 0
    jitter: int = 0
    distribution: Literal["uniform", "normal", "pareto", "histogram"] = "uniform"
    shape: float = 3.0
    histogram: tuple[tuple[float, float], ...] = ()
    most: int = 0

    def __post_init__(self) -> None:
        if (self.distribution == "histogram") != bool(self.histogram):
            raise ValueError("distribution histogram and the pairs [ms, weight] in histogram belong together")
        if self.histogram and (self.latency or self.jitter):
            raise ValueError("a histogram says all: latency and jitter must be 0 beside it")
        weights = [weight for _, weight in self.histogram]
        if weights and (min(weights) < 0 or sum(weights) <= 0):
            raise ValueError("the weights of a histogram must be 0 or more, and one of them more")
        if self.shape <= 0:
            raise ValueError("the shape of a pareto distribution must be positive")

    def start(self, runtime: Runtime) -> Stage:
        return _Line(runtime, self)

    def scaled(self, share: float) -> Latency:
        shorter = tuple((ms * share, weight) for ms, weight in self.histogram)
        return msgspec.structs.replace(super().scaled(share), histogram=shorter)

    @property
    def is_nothing(self) -> bool:
        """No chunk is ever delayed."""
        return self.latency <= 0 and not self.jitter and not self.histogram

    def delay_seconds(self, random: Random) -> float:
        delay_ms = self._drawn_ms(random)
        return max(0.0, min(delay_ms, self.most) if self.most else delay_ms) / 1000

    def _drawn_ms(self, random: Random) -> float:
        if self.distribution == "histogram":
            return random.choices(self.histogram, [weight for _, weight in self.histogram])[0][0]
        if self.distribution == "pareto":
            return self.latency * random.paretovariate(self.shape)
        if self.distribution == "normal":
            return random.gauss(self.latency, self.jitter)
        return self.latency + (random.uniform(-self.jitter, self.jitter) if self.jitter else 0.0)


class Delay(Delayed):
    """The same for every chunk, and for ever: a distance."""

    def __init__(self, runtime: Runtime, latency_ms: float) -> None:
        super().__init__(runtime, lambda chunk: max(0.0, latency_ms / 1000))


class _Line(Delayed):
    def __init__(self, runtime: Runtime, toxic: Latency) -> None:
        super().__init__(runtime, _delay(toxic, runtime.random))
        self._is_nothing = toxic.is_nothing

    @property
    def passes(self) -> bool:
        return self._is_nothing and not self.is_holding

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, Latency), "the type of a toxic never changes"
        self._is_nothing = toxic.is_nothing
        self.delay_anew(_delay(toxic, self._runtime.random))
        return True


def _delay(toxic: Latency, random: Random) -> Callable[[Chunk], float]:
    if toxic.distribution == "uniform" and not toxic.jitter:
        seconds = toxic.delay_seconds(random)  # always the same, and nothing is drawn
        return lambda chunk: seconds
    return lambda chunk: toxic.delay_seconds(random)
