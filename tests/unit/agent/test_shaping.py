"""When packets may go, and what is read of them; no kernel is needed for either."""

from __future__ import annotations

import socket
import struct
from random import Random

import pytest

from chaos.agent.orders import Begin, begin
from chaos.agent.packets import Packet, parsed
from chaos.agent.shaping import Shaper
from chaos.model.links import Delay, LateClose, LinkChange, Throttle

CALLER, PORT = "10.0.0.7", 8080


def order(change: LinkChange) -> tuple[Begin, LinkChange]:
    made = begin("a change", ((CALLER,), (PORT,)), change, 60)
    assert made.change == change, "it survives the way to the pod"
    return made, made.change


def shaper(*changes: LinkChange) -> Shaper:
    made = Shaper(Random(1))
    made.begun = {str(number): order(change) for number, change in enumerate(changes)}
    return made


def packet(size: int = 100, ends: bool = False, caller: str = CALLER, port: int = PORT) -> Packet:
    return Packet((socket.inet_aton(caller), 40000, port), size, ends)


def test_two_delays_on_one_link_add_up() -> None:
    assert shaper(Delay(delay_ms=100), Delay(delay_ms=50)).due(packet(), 10.0) == pytest.approx(10.15)


def test_other_callers_and_other_ports_are_left_alone() -> None:
    slow = shaper(Delay(delay_ms=100))
    assert slow.due(packet(caller="10.0.0.8"), 10.0) == 10.0
    assert slow.due(packet(port=9090), 10.0) == 10.0


def test_jitter_stays_within_its_bounds() -> None:
    slow = shaper(Delay(delay_ms=100, jitter_ms=20))
    dues = [slow.due(packet(), 0.0) for _ in range(200)]
    assert all(due is not None and 0.08 <= due <= 0.12 for due in dues)
    assert len(set(dues)) > 100


def test_only_the_end_of_a_stream_comes_late() -> None:
    slow = shaper(LateClose(delay_ms=300))
    assert slow.due(packet(), 1.0) == 1.0
    assert slow.due(packet(ends=True), 1.0) == pytest.approx(1.3)


def test_a_limit_lets_bytes_out_at_its_rate_and_drops_what_waits_too_long() -> None:
    narrow = shaper(Throttle(bytes_per_second=100_000))
    dues = [narrow.due(packet(size=10_000), 0.0) for _ in range(40)]
    assert dues[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert dues[-1] is None
    assert narrow.due(packet(size=0), 0.0) == 0.0, "an acknowledgement carries nothing"


def test_a_tcp_packet_is_read_with_its_options() -> None:
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x46, 0, 24 + 32 + 11, 0, 0, 64, 6, 0, socket.inet_aton("10.0.0.1"), socket.inet_aton(CALLER)
    )
    tcp = struct.pack(">HHIIBBHHH", PORT, 40000, 0, 0, 8 << 4, 0x11, 0, 0, 0)
    read = parsed(ip + bytes(4) + tcp + bytes(12) + b"hello world")
    assert read == packet(size=11, ends=True)


def test_what_is_neither_tcp_nor_udp_is_not_read() -> None:
    assert parsed(struct.pack(">BBHHHBBHII", 0x45, 0, 28, 0, 0, 64, 1, 0, 0, 0) + bytes(8)) is None
    assert parsed(b"") is None
