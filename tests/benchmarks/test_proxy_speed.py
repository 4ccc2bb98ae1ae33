"""Our proxy and Toxiproxy's own server, in turn on the same machine. Prints; decides nothing:
`pytest tests/benchmarks/test_proxy_speed.py --run-benchmarks -s`."""

from __future__ import annotations

import json
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.proxy_stand import SERVER_PORT, Opens, Stand, Through, machine_seconds, ours, stand, theirs

ROUNDS, SECONDS = 5, 1.0
CONNECTIONS = (1, 8, 64)
Figures = dict[str, float]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with stand(tmp_path_factory.mktemp("proxies")) as each:
        yield each


@pytest.mark.parametrize("toxic", ["none", "latency of 0 ms", "a further latency of 1 ms"])
def test_bulk_and_requests(built: Stand, toxic: str) -> None:
    ways = [built.direct, built.ours, built.theirs]
    if toxic != "none":
        ways = [way.toxic("latency", name=toxic, latency=int(toxic.split()[-2])) for way in ways]
    print(f"\ntoxic: {toxic}; medians of {ROUNDS}, in turn")
    for connections in CONNECTIONS:
        direct, our, their = in_turn(built, ways, "bulk", connections)
        values = [each["mb_per_second"] for each in (direct, our, their)]
        print(f"  bulk, {connections:2} connections: direct {values[0]:.0f} MB/s, ours {values[1]:.0f}, ", end="")
        print(f"Toxiproxy {values[2]:.0f}: {values[1] / values[2]:.2f} times as much")
    for connections in CONNECTIONS:
        print_requests(connections, *in_turn(built, ways, "ask", connections))


def in_turn(built: Stand, ways: list[Through], kind: str, connections: int) -> list[Figures]:
    """Direct, ours, theirs, direct, ...: what else the machine does meanwhile hits all. The medians of each."""
    rounds = [[built.load(kind, way, connections, SECONDS) for way in ways] for _ in range(ROUNDS)]
    return [
        {name: statistics.median(figures[name] for figures in of_way) for name in of_way[0]}
        for of_way in zip(*rounds, strict=True)
    ]


def print_requests(connections: int, direct: Figures, our: Figures, their: Figures) -> None:
    print(f"  1 KiB there and back, {connections:2} connections:", end="")
    for name in ("p50_us", "p99_us"):
        added = [each[name] - direct[name] for each in (our, their)]
        print(f" {name[:3]} direct {direct[name]:.0f} us, added {added[0]:.0f}, {added[1]:.0f}", end="")
        print(f" ({added[0] / added[1]:.2f} times);", end="")
    a_second = [each["per_second"] for each in (direct, our, their)]
    print(f" a second {a_second[0]:.0f}, {a_second[1]:.0f}, {a_second[2]:.0f} ({a_second[1] / a_second[2]:.2f} times)")


def test_what_a_gigabyte_costs(built: Stand) -> None:
    """Client, server and proxy share the processors: what all three need for a gigabyte limits how many there are."""
    print("\nbulk, 8 connections:")
    for way in (built.direct, built.ours, built.theirs):
        own, (busy, idle) = way.cpu_seconds, machine_seconds()
        rate = built.load("bulk", way, 8, 3)["mb_per_second"]
        own, (busy_after, idle_after) = way.cpu_seconds - own, machine_seconds()
        gb = rate * 3 / 1000
        idle_share = (idle_after - idle) / (idle_after - idle + busy_after - busy)
        print(f"  {way.name}: {rate:.0f} MB/s, a GB takes {own / gb:.2f} s of the proxy's CPU and ", end="")
        print(f"{(busy_after - busy) / gb:.2f} s of all CPUs, {idle_share:.0%} idle")


@pytest.mark.parametrize("opens", [ours, theirs])
def test_memory_of_a_thousand_idle_connections(built: Stand, opens: Opens, tmp_path: Path) -> None:
    with opens(tmp_path, 20031) as way:
        before = way.resident_mb
        clients = [socket.create_connection(("127.0.0.1", way.port), timeout=10) for _ in range(1000)]
        time.sleep(1)
        print(f"\n{way.name}: {before:.1f} MB, with 1000 idle connections {way.resident_mb:.1f} MB")
        for client in clients:
            client.close()


@pytest.mark.parametrize("opens", [ours, theirs])
def test_latency_of_100_ms_with_200_connections(built: Stand, opens: Opens, tmp_path: Path) -> None:
    with opens(tmp_path, 20031) as way:
        figures = built.load("ask", way.toxic("latency", latency=100), 200, 5)
        times = ", ".join(f"{name[:-3]} {figures[name] / 1000:.2f} ms" for name in ("least_us", "p50_us", "p99_us"))
        print(f"\n{way.name}: latency 100 ms, 200 connections: {times}")


@pytest.mark.parametrize("kb_per_second", [64, 1000, 16_000, 64_000])
@pytest.mark.parametrize("opens", [ours, theirs])
def test_bandwidth(built: Stand, opens: Opens, tmp_path: Path, kb_per_second: int) -> None:
    with opens(tmp_path, 20031) as way:
        limited = way.toxic("bandwidth", rate=kb_per_second)
        with socket.create_connection(("127.0.0.1", limited.port), timeout=10) as client:
            client.sendall(b"b")
            client.recv(1 << 20)  # the first slice: time is counted from its end
            began, count, now = time.perf_counter(), 0, 0.0
            while now < began + 5:
                count += len(client.recv(1 << 20))
                now = time.perf_counter()
        off = count / (now - began) / (kb_per_second * 1000) - 1
        print(f"\n{way.name}: {kb_per_second} kB/s is {count / (now - began) / 1000:.1f} kB/s, {off:+.2%}")


def test_latency_on_two_hundred_proxies_by_one_populate(built: Stand) -> None:
    names = [f"many-{number}" for number in range(200)]
    proxies: list[dict[str, object]] = [
        {"name": name, "listen": f"127.0.0.1:{20200 + number}", "upstream": f"127.0.0.1:{SERVER_PORT}"}
        for number, name in enumerate(names)
    ]
    built.ours.ask("POST", "/populate", proxies)
    slow = {"name": "slow", "type": "latency", "attributes": {"latency": 100}}
    took = []
    for latency in range(100, 105):
        wanted = [{**proxy, "toxics": [{**slow, "attributes": {"latency": latency}}]} for proxy in proxies]
        began = time.perf_counter()
        built.ours.ask("POST", "/populate", wanted)
        took.append((time.perf_counter() - began) * 1000)
    held = json.dumps(built.ours.ask("GET", "/proxies"))
    assert held.count('"latency":104') + held.count('"latency": 104') == 200
    print(f"\nours: latency on 200 proxies by one /populate: median of 5 {statistics.median(took):.0f} ms, ", end="")
    print(f"worst {max(took):.0f} ms")
