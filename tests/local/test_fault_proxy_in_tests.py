"""The fixture and the context manager that other people's tests use, and the page that shows them how."""

from __future__ import annotations

import importlib.metadata
import re
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.model.errors import BadInput
from chaos.proxy.pytest_plugin import fault_proxy as fault_proxy  # also where the package is not installed anew
from chaos.proxy.testing import FaultProxy

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "fault-proxy-in-tests.md"
PLUGIN = "chaos.proxy.pytest_plugin"


def exchange(link_port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", link_port), timeout=20) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.fixture
def echo() -> Iterator[str]:
    """The address of a server that sends back what it gets."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                try:
                    while data := client.recv(4096):
                        client.sendall(data)
                except OSError:
                    pass  # what the test did to it

    threading.Thread(target=serve, daemon=True).start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def seconds_of(link_port: int) -> float:
    began = time.perf_counter()
    assert exchange(link_port, b"hello") == b"hello"
    return time.perf_counter() - began


def test_a_toxic_lasts_as_long_as_its_with(fault_proxy: FaultProxy, echo: str) -> None:
    link = fault_proxy.to(echo)
    assert link.address == f"{link.host}:{link.port}"
    with link.latency(ms=300, stream="both"):
        assert seconds_of(link.port) >= 0.6
    assert min(seconds_of(link.port) for _ in range(5)) < 0.6, "a busy machine is not slow every time"


def test_every_toxic_has_a_name_here(fault_proxy: FaultProxy, echo: str) -> None:
    link = fault_proxy.to(echo)
    for toxic in (
        link.bandwidth(100_000),
        link.slow_close(ms=1),
        link.slicer(2, size_variation=1),
        link.loss_stall(0.0, stall_ms=1),
        link.packet_loss(0.0),
        link.http_status(503),
        link.http_delay(ms=1),
        link.http_body(truncate=3),
        link.toxic("noop"),
    ):
        assert exchange(link.port, b"hello") == b"hello"
        toxic.remove()
        toxic.remove()
    with link.limit_data(3):
        assert exchange(link.port, b"hello") == b"hel"
    with link.reset_peer(), socket.create_connection((link.host, link.port), timeout=20) as client:
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            client.recv(5)
    with link.timeout(ms=300):  # time enough for a busy machine to send: what comes after the end is reset
        assert exchange(link.port, b"hello") == b""


def test_a_service_that_is_down_refuses_and_comes_back_where_it_was(fault_proxy: FaultProxy, echo: str) -> None:
    link = fault_proxy.to(echo)
    before = link.address
    with socket.create_connection((link.host, link.port), timeout=20) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        assert link.connection_count == 1
        with link.down():
            assert client.recv(1) == b""
            with pytest.raises(ConnectionRefusedError):
                exchange(link.port, b"x")
    assert link.address == before
    assert exchange(link.port, b"x") == b"x"


def test_udp_has_toxics_of_its_own(fault_proxy: FaultProxy) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        link = fault_proxy.to(f"127.0.0.1:{server.getsockname()[1]}", protocol="udp")
        with link.toxic("udp_duplicate", stream="upstream", share=1):
            client.sendto(b"x", (link.host, link.port))
            assert [server.recv(9), server.recv(9)] == [b"x", b"x"]
        with pytest.raises(BadInput, match="slicer is for tcp proxies"):
            link.slicer(5)


def test_what_is_wrong_is_said(fault_proxy: FaultProxy, echo: str) -> None:
    link = fault_proxy.to(echo)
    for attempt, said in (
        (lambda: fault_proxy.to("nowhere"), "'nowhere' is not an address"),
        (lambda: link.toxic("latancy"), "there is no toxic 'latancy'"),
        (lambda: link.toxic("latency", latncy=5), "the toxic latency has no 'latncy'"),
        (lambda: link.latency(ms=5, toxicity=2), "toxicity 2 is no share of the connections"),
        (lambda: link.bandwidth(0), "rate must be positive"),
    ):
        with pytest.raises(BadInput, match=said):
            attempt()
    assert link.connection_count == 0
    assert exchange(link.port, b"hello") == b"hello", "nothing was put on"


def test_without_pytest_it_leaves_no_thread_and_no_listener(echo: str) -> None:
    threads = threading.active_count()
    with FaultProxy(seed=3) as faults:
        port = faults.to(echo).port
        assert exchange(port, b"x") == b"x"
    assert threading.active_count() <= threads
    with pytest.raises(ConnectionRefusedError):
        exchange(port, b"x")
    faults.close()


def test_the_plugin_is_an_entry_point_and_costs_other_runs_nothing() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert PLUGIN in project["entry-points"]["pytest11"].values()
    code = f"import sys, pytest, {PLUGIN}; print([name for name in sys.modules if name.startswith('chaos')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['chaos', 'chaos.proxy', 'chaos.proxy.pytest_plugin']"


def test_the_example_of_the_page_works_with_a_real_client(tmp_path: Path) -> None:
    pytest.importorskip("redis", reason="redis is not installed")
    fakeredis = pytest.importorskip("fakeredis", reason="fakeredis is not installed")
    example = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    (tmp_path / "test_cache.py").write_text(example)
    (tmp_path / "conftest.py").write_text(
        f"import pytest\n\n\n@pytest.fixture\ndef redis_address():\n    return {address!r}\n"
    )
    is_installed = any(entry.value == PLUGIN for entry in importlib.metadata.entry_points(group="pytest11"))
    loaded = () if is_installed else ("-p", PLUGIN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *loaded, str(tmp_path)]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    finally:
        server.shutdown()
        server.server_close()
    assert "4 passed" in done.stdout, done.stdout + done.stderr
