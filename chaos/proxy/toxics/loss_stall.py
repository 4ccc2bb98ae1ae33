"""What a lost packet looks like over TCP: nothing is missing, but all that follows waits until it was sent again.

Ours, not Toxiproxy's.
"""

from __future__ import annotations

from chaos.proxy.delayed import Delayed
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic

_PACKET_BYTES = 1448
"""What fits into an Ethernet packet after the headers of IPv4 and of TCP with timestamps."""


class LossStall(Toxic, frozen=True):
    """Each packet (1448 bytes) is lost with probability `loss_rate`, after a lost one with `correlation` more.

    What it is in then comes `stall` ms later, and what follows not before it: 200 ms is Linux's shortest retransmission
    timeout (RFC 6298 asks for 1 s).
    """

    MAGNITUDES = ("loss_rate",)

    loss_rate: float = 0.01
    correlation: float = 0.0
    stall: int = 200

    def __post_init__(self) -> None:
        if not (0 <= self.loss_rate <= 1 and 0 <= self.correlation <= 1):
            raise ValueError("loss_rate and correlation must be between 0 and 1")
        if self.stall < 0:
            raise ValueError("stall is milliseconds, 0 or more")

    def start(self, runtime: Runtime) -> Stage:
        return Lossy(runtime, self)


class Lossy(Delayed):
    def __init__(self, runtime: Runtime, toxic: LossStall) -> None:
        super().__init__(runtime, self._stall_seconds)
        self._toxic = toxic
        self._lost_last = False

    def take(self, chunk: Chunk) -> None:
        stall_seconds = self._stall_seconds(chunk)
        if stall_seconds or self.is_holding:
            self.hold(chunk, stall_seconds)
        else:
            self.forward(chunk)

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, LossStall), "the type of a toxic never changes"
        self._toxic = toxic
        return True

    def _stall_seconds(self, chunk: Chunk) -> float:
        packets = -(-len(chunk) // _PACKET_BYTES) if isinstance(chunk, bytes) else 0
        lost = [self._loses_one() for _ in range(packets)]  # all are drawn: what comes last decides about the next
        return self._toxic.stall / 1000 if any(lost) else 0.0

    def _loses_one(self) -> bool:
        chance = self._toxic.loss_rate + (self._toxic.correlation if self._lost_last else 0.0)
        self._lost_last = self._runtime.random.random() < chance
        return self._lost_last
