"""Packets that the kernel hands to us and that we let go later, or not at all (NFQUEUE, linux/nfnetlink_queue.h).

A packet stays in the kernel; we see its first bytes and say when it may go on. So connections that exist are slowed
down as well as new ones, whatever they carry. When we end, what we held is let go and the rule lets all pass.
"""

from __future__ import annotations

import asyncio
import errno
import heapq
import socket
import struct
from collections.abc import Callable

from chaos.agent.packets import Flow, Packet, parsed
from chaos.model.errors import ActionFailed

_NETLINK_NETFILTER = 12
_NETLINK_ERROR = 2
_SUBSYSTEM = 3 << 8
_PACKET, _VERDICT, _CONFIG = 0, 1, 2
_DROP, _ACCEPT = 0, 1
_COPY_PACKET = 2
_FAIL_OPEN = 1
_LONGEST_QUEUE = 65536
_SEEN_BYTES = 128
"""The longest headers of IP and TCP have 120."""
_SOL_NETLINK, _NO_ENOBUFS, _SO_RCVBUFFORCE = 270, 5, 33
_BUFFER_BYTES = 4 * 1024 * 1024
_FORGET_FROM_FLOWS = 4096


class PacketQueue:
    """`due` says when a packet may go, in seconds of the loop's clock; None drops it. Order within a flow is kept."""

    def __init__(self, number: int, due: Callable[[Packet, float], float | None]) -> None:
        self._due = due
        self._number = number
        self._loop = asyncio.get_running_loop()
        self._held: list[tuple[float, int, Packet | None]] = []
        self._last: dict[Flow, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._socket = _bound(number)
        self._loop.add_reader(self._socket, self._read)

    def release(self, belongs: Callable[[Packet], bool]) -> None:
        """Let go of those that belong to what has ended, oldest first."""
        stay: list[tuple[float, int, Packet | None]] = []
        for due, number, packet in sorted(self._held, key=lambda each: each[:2]):
            if packet is not None and belongs(packet):
                self._judge(number, _ACCEPT)
                self._last.pop(packet.flow, None)
            else:
                stay.append((due, number, packet))
        self._held = stay  # sorted, so a heap
        self._arm()

    def close(self) -> None:
        """Let go of all that is held."""
        self._let_go(float("inf"))
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:  # the kernel had more than fits: those packets passed (fail open)
                    continue
                raise
            for kind, body in _messages(data):
                if kind == _SUBSYSTEM | _PACKET:
                    self._take(body)

    def _take(self, body: bytes) -> None:
        number, packet = _packet(body)
        now = self._loop.time()
        due = self._due(packet, now) if packet else now
        if due is None:
            self._judge(number, _DROP)
            return
        if packet:
            due = max(due, self._last.get(packet.flow, 0.0))
            self._last[packet.flow] = due
            if len(self._last) > _FORGET_FROM_FLOWS:
                self._last = {flow: last for flow, last in self._last.items() if last > now}
        if due <= now:
            self._judge(number, _ACCEPT)
            return
        heapq.heappush(self._held, (due, number, packet))
        if self._held[0][1] == number:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._held[0][0], self._ring) if self._held else None

    def _ring(self) -> None:
        self._let_go(self._loop.time())
        self._arm()

    def _let_go(self, until: float) -> None:
        while self._held and self._held[0][0] <= until:
            self._judge(heapq.heappop(self._held)[1], _ACCEPT)

    def _judge(self, number: int, verdict: int) -> None:
        self._socket.send(_message(_VERDICT, self._number, _attribute(2, struct.pack(">II", verdict, number))))


def _bound(number: int) -> socket.socket:
    """Raises ActionFailed when the kernel has no such queues, or somebody else reads this one."""
    try:
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        made.bind((0, 0))
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        made.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
        bind = _attribute(1, struct.pack(">BBH", 1, 0, socket.AF_INET))
        copy = _attribute(2, struct.pack(">IB", _SEEN_BYTES, _COPY_PACKET))
        longest = _attribute(3, struct.pack(">I", _LONGEST_QUEUE))
        flags = _attribute(4, struct.pack(">I", _FAIL_OPEN)) + _attribute(5, struct.pack(">I", _FAIL_OPEN))
        for body in (bind, copy + longest + flags):
            made.send(_message(_CONFIG, number, body, acknowledge=True))
            _expect_ok(made.recv(1 << 16))
    except OSError as error:
        why = error.strerror or str(error)
        raise ActionFailed(f"the node's kernel gives no packet queue (NFQUEUE): {why}", took_effect="no") from error
    made.setblocking(False)
    return made


def _expect_ok(data: bytes) -> None:
    for kind, body in _messages(data):
        code = struct.unpack_from("=i", body)[0] if kind == _NETLINK_ERROR else 0
        if code:
            raise OSError(-code, errno.errorcode.get(-code, str(-code)))


def _message(kind: int, queue: int, body: bytes, acknowledge: bool = False) -> bytes:
    flags = 1 | (4 if acknowledge else 0)  # NLM_F_REQUEST, NLM_F_ACK
    content = struct.pack(">BBH", socket.AF_UNSPEC, 0, queue) + body
    return struct.pack("=IHHII", 16 + len(content), _SUBSYSTEM | kind, flags, 0, 0) + content


def _attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + b"\0" * (-size % 4)


def _messages(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(data) >= 16:
        size, kind = struct.unpack_from("=IH", data)
        found.append((kind, data[16:size]))
        data = data[(size + 3) & ~3 :]
    return found


def _packet(body: bytes) -> tuple[int, Packet | None]:
    """The packet's number, and what can be read of it: None when it is neither TCP nor UDP."""
    number, first = 0, b""
    at = 4  # behind nfgenmsg
    while at + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, at)
        value = body[at + 4 : at + size]
        if kind == 1:
            number = struct.unpack_from(">I", value)[0]
        elif kind == 10:
            first = value
        at += max(4, (size + 3) & ~3)
    return number, parsed(first)
