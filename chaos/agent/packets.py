"""What is read of a packet: whose it is, how much it carries, whether it ends the stream."""

from __future__ import annotations

import socket
import struct

from msgspec import Struct

Flow = tuple[bytes, int, int]
"""The caller's address and port, and ours."""


class Packet(Struct, frozen=True):
    """One that leaves: `size` is what it carries, without headers; `ends` says that it ends the stream."""

    flow: Flow
    size: int
    ends: bool

    @property
    def caller(self) -> str:
        return socket.inet_ntoa(self.flow[0])

    @property
    def port(self) -> int:
        return self.flow[2]


def parsed(first: bytes) -> Packet | None:
    """From the first bytes, at best 128; None when it is not TCP or UDP over IPv4."""
    if len(first) < 28 or first[0] >> 4 != 4 or first[9] not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return None
    head = (first[0] & 15) * 4
    total = struct.unpack_from(">H", first, 2)[0]
    ours, theirs = struct.unpack_from(">HH", first, head)
    tcp = first[9] == socket.IPPROTO_TCP and len(first) >= head + 14
    inner = (first[head + 12] >> 4) * 4 if tcp else 8
    return Packet((first[16:20], theirs, ours), max(0, total - head - inner), tcp and bool(first[head + 13] & 1))
