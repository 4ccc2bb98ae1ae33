"""When a packet that leaves for a caller may go: what all changes in effect say together."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from chaos.agent.orders import Begin
from chaos.agent.packets import Flow, Packet
from chaos.model.links import Delay, LateClose, LinkChange, Loss, Throttle

_BACKLOG_SECONDS = 2.0
_BACKLOG_BYTES = 32 * 1024
"""What waits for its turn at a limit: so much time's worth, or so many bytes if that is more; the rest is dropped."""


def is_shaping(change: LinkChange | Loss) -> bool:
    return isinstance(change, Delay | LateClose | Throttle)


class Shaper:
    """Asked for each packet; `begun` are the shaping changes in effect by key."""

    def __init__(self, random: Random) -> None:
        self.begun: Mapping[str, tuple[Begin, LinkChange | Loss]] = {}
        self._random = random
        self._free: dict[tuple[str, Flow], float] = {}

    def due(self, packet: Packet, now: float) -> float | None:
        """When it may go, None when it is dropped."""
        due = now
        for key, (order, change) in self.begun.items():
            if order.covers(packet):
                later = self._after(key, change, packet, due)
                if later is None:
                    return None
                due = later
        return due

    def _after(self, key: str, change: LinkChange | Loss, packet: Packet, due: float) -> float | None:
        if isinstance(change, Delay):
            jitter = self._random.uniform(-change.jitter_ms, change.jitter_ms) if change.jitter_ms else 0.0
            return due + (change.delay_ms + jitter) / 1000
        if isinstance(change, LateClose):
            return due + change.delay_ms / 1000 if packet.ends else due
        if isinstance(change, Throttle) and packet.size:
            return self._in_turn((key, packet.flow), packet.size, change.bytes_per_second, due)
        return due

    def _in_turn(self, of: tuple[str, Flow], size: int, rate: float, due: float) -> float | None:
        start = max(due, self._free.get(of, 0.0))
        if (start - due) * rate > max(_BACKLOG_SECONDS * rate, _BACKLOG_BYTES):
            return None
        self._free[of] = start + size / rate
        return self._free[of]
