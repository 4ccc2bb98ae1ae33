"""Ten thousand connections through our proxy and Toxiproxy's own server, as far as the system gives it descriptors.
Prints; decides nothing: `pytest tests/benchmarks/test_proxy_many.py --run-benchmarks -s`."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.benchmarks.proxy_stand import Opens, Stand, Through, ours, stand, theirs

MANY = 10_000
FIRST_PORT = 20031
PATIENCE_SECONDS = 20
KEPT_FREE = 128
"""Descriptors of the proxy for its listeners, its API and what it keeps in reserve."""

Clients = list[socket.socket]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with stand(tmp_path_factory.mktemp("proxies")) as each:
        yield each


@pytest.mark.parametrize("opens", [ours, theirs])
@pytest.mark.parametrize("asked_for", ["all that fit", "all"])
def test_ten_thousand_connections_at_once(built: Stand, opens: Opens, tmp_path: Path, asked_for: str) -> None:
    """Each takes two descriptors of the proxy: where a process may have 20 000, a few less fit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    number = min(MANY, (most - KEPT_FREE) // 2) if asked_for == "all that fit" else MANY
    with opens(tmp_path, FIRST_PORT) as way, all_descriptors(), ExitStack() as stack:
        began = time.perf_counter()
        clients = [stack.enter_context(connected(way, each)) for each in range(number)]
        connected_at = time.perf_counter()
        answered = answers(clients)
        answered_at = time.perf_counter()
        print(f"\n{way.name}, {number} connections, {most} descriptors at most: {answered} answered,", end="")
        print(f" {number - answered} refused or not within {PATIENCE_SECONDS} s; ", end="")
        print(f"connected in {connected_at - began:.1f} s, all asked and answered in ", end="")
        print(f"{answered_at - connected_at:.1f} s, {way.resident_mb:.1f} MB resident")
        print(f"  its API {api_answers(way)}, ", end="")
        print(f"another link: {answers([stack.enter_context(connected(way, 0, way.toxic_port))])} of 1")


@contextmanager
def all_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connected(way: Through, number: int, port: int = 0) -> socket.socket:
    """From one of several addresses: ports for outgoing connections are scarce, and each address has its own."""
    source = (f"127.0.0.{2 + number % 4}", 0)
    return socket.create_connection(("127.0.0.1", port or way.port), timeout=PATIENCE_SECONDS, source_address=source)


def answers(clients: Clients) -> int:
    """How many get back what they say. All say it before the first one listens."""
    said = [(client, f"{number:08}".encode()) for number, client in enumerate(clients)]
    for client, text in said:
        try:
            client.sendall(text)
        except ConnectionError:
            pass  # refused: seen below
    until = time.monotonic() + PATIENCE_SECONDS
    return sum(hears(client, text, until) for client, text in said)


def hears(client: socket.socket, text: bytes, until: float) -> bool:
    client.settimeout(max(0.01, until - time.monotonic()))
    try:
        heard = client.recv(len(text), socket.MSG_WAITALL)
    except (ConnectionError, TimeoutError):
        return False
    assert heard in (text, b""), "what another has said"
    return heard == text


def api_answers(way: Through) -> str:
    asked = time.perf_counter()
    try:
        way.ask("GET", "/version")
    except OSError as error:
        return f"does not answer: {error}"
    return f"answers in {(time.perf_counter() - asked) * 1000:.0f} ms"
