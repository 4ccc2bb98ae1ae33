"""toxiproxy-python, unchanged, drives our fault proxy as it drives the real one, its quirks included."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from toxiproxy import Proxy, Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from tests import toxiproxy

SERVERS = {"toxiproxy": (toxiproxy.real, 30620), "ours": (toxiproxy.ours, 30625)}


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except ConnectionResetError:
            pass  # a toxic's doing


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """The address of a server that sends back what it gets."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module", params=sorted(SERVERS))
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    start, port = SERVERS[request.param]
    with start(port):
        yield port


@pytest.fixture
def server(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toxiproxy]:
    monkeypatch.setattr(APIConsumer, "host", "127.0.0.1")  # the client keeps its server in its class
    monkeypatch.setattr(APIConsumer, "port", port)
    made = Toxiproxy()
    yield made
    made.destroy_all()


@pytest.fixture
def proxy(server: Toxiproxy, upstream: str) -> Proxy:
    return server.create(name="one", upstream=upstream)


def test_it_runs_and_has_a_version(server: Toxiproxy) -> None:
    assert server.running() is True
    assert server.version().startswith(b'{"version": "')


def test_a_path_that_does_not_exist_is_not_found(server: Toxiproxy) -> None:
    with pytest.raises(NotFound):
        APIConsumer.get("/not_found")


def test_a_proxy_is_created_found_and_destroyed(server: Toxiproxy, upstream: str) -> None:
    created = server.create(name="one", upstream=upstream)
    assert created.listen.startswith("127.0.0.1:"), "its default is a free port on loopback"
    assert (created.name, created.upstream, created.enabled) == ("one", upstream, True)
    assert says(created, b"hello") == b"hello"
    found = server.get_proxy("one")
    assert (found.name, found.listen) == ("one", created.listen)
    assert server.get_proxy("two") is None
    assert list(server.proxies()) == ["one"]
    assert created.destroy() is True
    assert server.proxies() == {}
    with pytest.raises(NotFound):
        created.destroy()


def test_a_proxy_may_be_created_disabled(server: Toxiproxy, upstream: str) -> None:
    created = server.create(name="off", upstream=upstream, listen="127.0.0.1:30630", enabled=False)
    assert created.enabled is False
    with pytest.raises(ConnectionRefusedError):
        connect(created)
    created.enable()
    assert says(created, b"on") == b"on"


def test_a_name_that_is_taken_exists(server: Toxiproxy, proxy: Proxy) -> None:
    with pytest.raises(ProxyExists):
        server.create(name="one", upstream="127.0.0.1:1")
    with pytest.raises(ProxyExists, match="proxy already exists"):
        APIConsumer.post("/proxies", json={"name": "one", "upstream": "127.0.0.1:1"})


def test_destroying_by_name_does_nothing_and_by_proxy_does(server: Toxiproxy, proxy: Proxy) -> None:
    assert server.destroy("one") is False
    assert "one" in server.proxies()
    assert server.destroy(proxy) is True
    assert server.proxies() == {}


def test_disabling_refuses_connections_ends_those_that_are_and_keeps_the_port(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert exchange(client, b"before") == b"before"
        proxy.disable()
        assert client.recv(10) == b""
    assert proxy.enabled is False
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.enable()
    assert says(proxy, b"again") == b"again"


def test_down_is_for_the_time_of_a_block(proxy: Proxy) -> None:
    with proxy.down(), pytest.raises(ConnectionRefusedError):
        connect(proxy)
    assert says(proxy, b"up") == b"up"


def test_a_toxic_is_added_listed_and_destroyed(proxy: Proxy) -> None:
    assert proxy.add_toxic(type="latency", attributes={"latency": 100, "jitter": 10}) is None
    assert proxy.add_toxic(name="cut", type="limit_data", stream="upstream", toxicity=0.5) is None
    toxics = proxy.toxics()
    assert list(toxics) == ["cut", "latency_downstream"], "those of the upstream come first"
    slow = proxy.get_toxic("latency_downstream")
    assert (slow.type, slow.stream, slow.toxicity) == ("latency", "downstream", 1.0)
    assert slow.attributes == {"latency": 100, "jitter": 10}
    assert proxy.get_toxic("cut").toxicity == 0.5
    assert proxy.get_toxic("nothing") is None
    assert proxy.destroy_toxic("cut") is True
    assert list(proxy.toxics()) == ["latency_downstream"]
    with pytest.raises(NotFound, match="toxic not found"):
        proxy.destroy_toxic("cut")


def test_toxics_that_cannot_be_are_invalid(proxy: Proxy) -> None:
    with pytest.raises(InvalidToxic, match="invalid toxic type"):
        proxy.add_toxic(type="no such")
    with pytest.raises(InvalidToxic, match="stream was invalid"):
        proxy.add_toxic(type="latency", stream="sideways")
    with pytest.raises(InvalidToxic, match="bad request body"):
        proxy.add_toxic(type="latency", attributes={"latency": "long"})
    proxy.add_toxic(type="latency")
    with pytest.raises(ProxyExists, match="toxic already exists"):
        proxy.add_toxic(type="latency")


def test_latency_is_felt_until_it_is_destroyed(proxy: Proxy) -> None:
    proxy.add_toxic(type="latency", attributes={"latency": 150})
    took = [seconds_of(proxy) for _ in range(3)]
    assert min(took) >= 0.15
    assert min(took) < 0.3, "once, not on each of two ways; a busy machine adds to some"
    proxy.destroy_toxic("latency_downstream")
    assert min(seconds_of(proxy) for _ in range(10)) < 0.15


def test_limit_data_ends_the_connection_after_so_many_bytes(proxy: Proxy) -> None:
    proxy.add_toxic(type="limit_data", attributes={"bytes": 4})
    with connect(proxy) as client:
        client.sendall(b"12345678")
        assert received(client) == b"1234"


def test_timeout_lets_nothing_pass_and_ends_the_connection(proxy: Proxy) -> None:
    proxy.add_toxic(type="timeout", attributes={"timeout": 50})
    with connect(proxy) as client:
        try:
            client.sendall(b"anybody?")
            assert received(client) == b""
        except (ConnectionResetError, BrokenPipeError):
            pass  # on a busy machine the end came before what we sent, which is answered with a reset


def test_reset_peer_resets(proxy: Proxy) -> None:
    proxy.add_toxic(type="reset_peer")
    with pytest.raises(ConnectionResetError):
        says(proxy, b"x")


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("bandwidth", {"rate": 10_000}),
        ("slow_close", {"delay": 1}),
        ("slicer", {"average_size": 3, "size_variation": 1, "delay": 10}),
        ("noop", {}),
    ],
)
def test_toxics_that_let_all_pass(proxy: Proxy, kind: str, attributes: dict[str, int]) -> None:
    proxy.add_toxic(type=kind, attributes=attributes)
    assert says(proxy, b"as it was sent") == b"as it was sent"


def test_reset_enables_all_and_removes_all_toxics(server: Toxiproxy, proxy: Proxy) -> None:
    proxy.add_toxic(type="timeout")
    proxy.disable()
    assert server.reset() is True
    assert server.get_proxy("one").enabled is True
    assert proxy.toxics() == {}
    assert says(proxy, b"well") == b"well"


def test_populate_answers_with_those_it_had_to_create(server: Toxiproxy, upstream: str) -> None:
    wanted = [
        {"name": "one", "upstream": upstream, "listen": "127.0.0.1:30631"},
        {"name": "two", "upstream": upstream, "listen": "127.0.0.1:30632"},
    ]
    assert [each.name for each in server.populate(wanted)] == ["one", "two"]
    assert server.populate(wanted) == []
    wanted[1]["listen"] = "127.0.0.1:30633"
    assert [each.name for each in server.populate(wanted)] == ["two"]
    assert server.get_proxy("two").listen == "127.0.0.1:30633"
    assert says(server.get_proxy("two"), b"moved") == b"moved"


def test_a_port_that_is_taken_is_no_error_of_this_client_but_an_answer_without_a_name(server: Toxiproxy) -> None:
    with socket.create_server(("127.0.0.1", 30634)), pytest.raises(KeyError):
        server.create(name="x", upstream="127.0.0.1:1", listen="127.0.0.1:30634")
    assert server.proxies() == {}


def connect(proxy: Proxy) -> socket.socket:
    host, port = proxy.listen.split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def exchange(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    got = b""
    while len(got) < len(data):
        more = client.recv(100)
        if not more:
            break
        got += more
    return got


def says(proxy: Proxy, data: bytes) -> bytes:
    with closing(connect(proxy)) as client:
        return exchange(client, data)


def seconds_of(proxy: Proxy) -> float:
    began = time.monotonic()
    assert says(proxy, b"hello") == b"hello"
    return time.monotonic() - began


def received(client: socket.socket) -> bytes:
    got = b""
    while more := client.recv(100):
        got += more
    return got
