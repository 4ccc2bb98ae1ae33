"""What the agent is told and what it answers: JSON lines, a list of orders and as many answers."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from chaos.agent.packets import Packet
from chaos.model.links import Delay, Errors, Heard, LateClose, LinkChange, Loss, Reaction, Resets, Silence, Throttle

SOCKET = "/tmp/steadfast-agent.sock"
"""In the container's own file system: nobody else in the pod can give orders."""

_KINDS: dict[str, type[LinkChange | Loss]] = {
    kind.__name__: kind for kind in (Silence, Resets, Throttle, LateClose, Delay, Errors, Loss)
}


class Begin(Struct, frozen=True, kw_only=True, tag="begin"):
    """Change what passes between these addresses and these ports of the pod, for so many seconds at most.

    A length of time and not a moment: the clocks of the node and of who orders may differ. `key` names this change in
    this pod; one of the same key is replaced.
    """

    key: str
    callers: tuple[str, ...]
    ports: tuple[int, ...]
    kind: str
    values: dict[str, Any]
    lease_seconds: float

    def covers(self, packet: Packet) -> bool:
        """Whether a packet that leaves belongs to what is changed."""
        return packet.caller in self.callers and packet.port in self.ports

    @property
    def change(self) -> LinkChange | Loss:
        return msgspec.convert(self.values, _KINDS[self.kind])


class End(Struct, frozen=True, tag="end"):
    """Take the change of that key off; fine if there is none."""

    key: str


class Look(Struct, frozen=True, tag="look"):
    """Which changes are in effect."""


class KnockAt(Struct, frozen=True, tag="knock"):
    """Send the end of a stream to each "host:port", all at once."""

    addresses: tuple[str, ...]
    patience_ms: float


class Connect(Struct, frozen=True, tag="connect"):
    """Open so many connections, some at a time, and time each; the kernel sends one packet for each within 1 s."""

    address: str
    times: int
    patience_ms: float


class Get(Struct, frozen=True, tag="get"):
    """GET a path so many times."""

    address: str
    path: str
    patience_ms: float
    times: int


class Stand(Struct, frozen=True, tag="stand"):
    """Have all processes of the container that the agent was put beside stand still, so many seconds at most."""

    key: str
    lease_seconds: float


class Count(Struct, frozen=True, tag="count"):
    """How many of those processes stand still."""


Order = Begin | End | Look | KnockAt | Connect | Get | Stand | Count


class Answer(Struct, kw_only=True, omit_defaults=True):
    """`error` is a sentence when the order could not be carried out; of the others what was asked for.

    `left_seconds` are those until the leases of `keys` end.
    """

    error: str = ""
    keys: list[str] = []
    left_seconds: list[float] = []
    reactions: list[tuple[Reaction, float]] = []
    took_ms: list[float | None] = []
    heard: list[Heard] = []
    standing: tuple[int, int] = (0, 0)


def begin(key: str, parties: tuple[tuple[str, ...], tuple[int, ...]], change: LinkChange | Loss, lease: float) -> Begin:
    """`parties` are the callers' addresses and the ports they call; `lease` is in seconds."""
    values = msgspec.to_builtins(change)
    return Begin(
        key=key, callers=parties[0], ports=parties[1], kind=type(change).__name__, values=values, lease_seconds=lease
    )
