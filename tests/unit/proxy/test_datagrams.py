"""UDP through the proxy, on real sockets; and its toxics by themselves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.proxy.body import ApiError
from chaos.proxy.config import ProxyConfig
from chaos.proxy.loop import Loop
from chaos.proxy.proxy import Proxy
from chaos.proxy.toxic_request import make_toxic
from chaos.proxy.toxics import Chunk, Runtime
from chaos.proxy.toxics.udp_corrupt import UdpCorrupt
from chaos.proxy.toxics.udp_delay import UdpDelay
from chaos.proxy.toxics.udp_duplicate import UdpDuplicate
from chaos.proxy.toxics.udp_loss import UdpLoss
from chaos.proxy.toxics.udp_reorder import UdpReorder
from tests.examples import examples
from tests.unit.proxy.fake_time import Time, on

NUMBERS = [bytes([number]) for number in range(100)]


class Udp:
    """A proxy for UDP and a server behind it that says `re: ` and what it got, to whom it got it from."""

    def __init__(self, idle_timeout: int) -> None:
        self._server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._server.bind(("127.0.0.1", 0))
        self.loop = Loop()
        upstream = f"127.0.0.1:{self._server.getsockname()[1]}"
        config = ProxyConfig(
            name="link", listen="127.0.0.1:0", upstream=upstream, protocol="udp", idle_timeout=idle_timeout
        )
        self.proxy = Proxy(config, Runtime(self.loop, Random(1)))
        self._clients: list[socket.socket] = []
        self._serving = threading.Thread(target=self._serve)
        self.loop.start()
        self._serving.start()
        self.loop.ask(self.proxy.listen)

    def client(self) -> socket.socket:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(30)
        host, port = self.proxy.listen_address.split(":")
        client.connect((host, int(port)))
        self._clients.append(client)
        return client

    def put(self, kind: str, stream: str = "downstream", **attributes: Any) -> None:
        asked = {"name": "t", "type": kind, "stream": stream, "attributes": attributes}
        toxic = make_toxic(asked, self.proxy.toxics, "udp")
        self.loop.ask(lambda: self.proxy.add(toxic))

    def session_count(self) -> int:
        return self.loop.ask(lambda: len(self.proxy.connections))

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.loop.ask(self.proxy.close)
        self.loop.stop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", self._server.getsockname())
        self._serving.join(30)
        self._server.close()

    def _serve(self) -> None:
        while True:
            data, client = self._server.recvfrom(65535)
            if data == b"end":
                return
            self._server.sendto(b"re: " + data, client)


@contextmanager
def udp(idle_timeout: int = 60_000) -> Iterator[Udp]:
    link = Udp(idle_timeout)
    try:
        yield link
    finally:
        link.close()


def asks(client: socket.socket, text: bytes) -> bytes:
    client.send(text)
    return client.recv(65535)


def asks_until_answered(client: socket.socket, text: bytes) -> None:
    """Of a proxy that forgets soon: on a busy machine also whom an answer is for."""
    client.settimeout(0.5)
    for _ in range(60):
        client.send(text)
        with suppress(TimeoutError):
            while client.recv(65535) != b"re: " + text:
                pass  # of what was asked before
            return
    raise AssertionError("it is never answered")


def test_datagrams_go_there_and_back_whole_and_to_whom_they_are_for() -> None:
    with udp() as link:
        one, other = link.client(), link.client()
        one.send(b"one")
        other.send(b"other")
        assert (other.recv(99), one.recv(99)) == (b"re: other", b"re: one")
        large = bytes(range(256)) * 200
        assert asks(one, large) == b"re: " + large
        assert asks(one, b"") == b"re: "
        assert link.session_count() == 2
        sent, answered = 3 + 5 + len(large), 3 + 5 + len(large) + 4 * 4
        assert link.loop.ask(lambda: link.proxy.traffic) == (sent, sent, answered, answered)


def test_a_client_that_is_silent_is_forgotten_and_may_come_again() -> None:
    with udp(idle_timeout=60) as link:
        client = link.client()
        asks_until_answered(client, b"a")
        end = time.monotonic() + 30
        while link.session_count() and time.monotonic() < end:
            time.sleep(0.01)
        assert link.session_count() == 0
        asks_until_answered(client, b"b")


def test_toxics_come_and_go_on_sessions_that_exist() -> None:
    with udp() as link:
        client = link.client()
        assert asks(client, b"a") == b"re: a"
        link.put("latency", latency=80)
        began = time.perf_counter()
        assert asks(client, b"b") == b"re: b"
        assert time.perf_counter() - began >= 0.075
        link.loop.ask(lambda: link.proxy.remove("t"))
        link.put("udp_duplicate", stream="upstream", share=1)
        assert [asks(client, b"c"), client.recv(99)] == [b"re: c"] * 2
        link.loop.ask(lambda: link.proxy.remove("t"))
        link.put("udp_loss", loss_rate=1)
        answered = link.loop.ask(lambda: link.proxy.traffic[2])
        client.send(b"d")
        while link.loop.ask(lambda: link.proxy.traffic[2]) == answered:
            time.sleep(0.001)
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(99)
        link.loop.ask(lambda: link.proxy.remove("t"))
        client.settimeout(30)
        assert asks(client, b"e") == b"re: e"


def test_a_port_that_nobody_listens_on_loses_what_is_sent_and_nothing_else() -> None:
    with udp() as link:
        client = link.client()
        link.proxy.upstream_address = "127.0.0.1:1"
        client.settimeout(0.05)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                asks(client, b"x")
        assert link.session_count() == 1


@pytest.mark.parametrize(
    ("kind", "protocol", "said"),
    [
        ("udp_loss", "tcp", "udp_loss is for udp proxies, and this one carries tcp"),
        ("timeout", "udp", "timeout is for tcp proxies, and this one carries udp"),
    ],
)
def test_toxics_are_for_one_protocol_or_the_other(kind: str, protocol: str, said: str) -> None:
    with pytest.raises(ApiError, match=said):
        make_toxic({"type": kind}, (), protocol)


def test_a_name_of_tls_is_not_for_udp() -> None:
    with pytest.raises(ApiError, match="sni is for TLS over tcp"):
        make_toxic({"type": "udp_loss", "sni": ["a.example"]}, (), "udp")


def passed_through(toxic: Any, sent: list[bytes], seed: int = 3) -> list[Chunk]:
    time = Time(seed)
    stage, passed = on(toxic, time)
    for datagram in sent:
        stage.take(datagram)
    time.pass_ms(10_000)
    assert stage.held_bytes == 0
    return passed


def test_a_jitter_lets_datagrams_overtake_and_loses_none() -> None:
    passed = passed_through(UdpDelay(delay=50, jitter=40), NUMBERS)
    assert passed != NUMBERS
    assert sorted(cast(list[bytes], passed)) == NUMBERS


def test_a_delayed_datagram_comes_when_it_is_due_or_when_the_toxic_goes() -> None:
    time = Time()
    stage, passed = on(UdpDelay(delay=50), time)
    stage.take(b"a")
    time.pass_ms(49)
    assert (passed, stage.held_bytes) == ([], 1)
    time.pass_ms(2)
    stage.take(b"b")
    stage.release()
    time.pass_ms(100)
    assert passed == [b"a", b"b"]


@settings(max_examples=examples(40))
@given(share=st.floats(0, 1), gap=st.integers(1, 5), seed=st.integers(0, 50))
def test_reordering_loses_none_and_holds_none_for_ever(share: float, gap: int, seed: int) -> None:
    passed = passed_through(UdpReorder(share=share, gap=gap), NUMBERS, seed)
    assert sorted(cast(list[bytes], passed)) == NUMBERS


def test_a_datagram_is_overtaken_by_so_many_or_comes_after_a_while() -> None:
    time = Time()
    stage, passed = on(UdpReorder(share=1, gap=2, most=100), time)
    for datagram in NUMBERS[:3]:
        stage.take(datagram)
    assert passed == [NUMBERS[1], NUMBERS[2], NUMBERS[0]]
    stage.take(b"last")
    time.pass_ms(101)
    assert passed[-1] == b"last"


def test_duplicates_follow_their_first() -> None:
    assert passed_through(UdpDuplicate(share=1, copies=2), [b"a", b"b"]) == [b"a"] * 3 + [b"b"] * 3
    assert 115 < len(passed_through(UdpDuplicate(share=0.3), NUMBERS)) < 145


def test_corruption_flips_as_many_bits_as_were_asked_for() -> None:
    (changed,) = cast(list[bytes], passed_through(UdpCorrupt(share=1, bits=3), [bytes(100)]))
    assert (len(changed), sum(byte.bit_count() for byte in changed)) == (100, 3)
    assert passed_through(UdpCorrupt(share=1, bits=9), [b"\x00"]) == [b"\xff"]
    assert passed_through(UdpCorrupt(share=1), [b""]) == [b""]


def test_losses_are_a_share() -> None:
    assert 55 < len(passed_through(UdpLoss(loss_rate=0.3), NUMBERS)) < 85


@pytest.mark.parametrize(
    "make",
    [
        lambda: UdpDuplicate(share=2),
        lambda: UdpDuplicate(copies=0),
        lambda: UdpReorder(share=-1),
        lambda: UdpReorder(gap=0),
        lambda: UdpCorrupt(bits=0),
        lambda: UdpLoss(loss_rate=3),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        make()
