"""One edge beside Debian's nginx, the same cached segment of 1 MiB, in turn. Prints; decides nothing:
`pytest tests/benchmarks/test_edge_speed.py --run-benchmarks -s`. Skips where nginx, wrk or a processor is missing.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.benchmarks.edge_stand import CLIENT_CORE, PATH, Server, edge, edge_by, needed, nginx

ROUNDS, SECONDS = 5, 1
CONNECTIONS = (1, 8, 64)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """The edge, nginx, and the edge with other ways to the socket."""
    needed("nginx", "wrk", "taskset")
    if (os.cpu_count() or 1) < 2:
        pytest.skip("the server and its client need a processor each")
    folder = tmp_path_factory.mktemp("edge")
    with ExitStack() as stack:
        ours = stack.enter_context(edge(folder))
        theirs = stack.enter_context(nginx(folder))
        ways = [
            stack.enter_context(edge_by(way, folder, port)) for way, port in (("IN_PIECES", 20304), ("MAPPED", 20305))
        ]
        yield [ours, theirs, *ways]


@pytest.mark.parametrize("connections", CONNECTIONS)
def test_a_cached_segment(servers: list[Server], connections: int) -> None:
    """What else the machine does hits all: so they take turns, and each is held against nginx in its round."""
    rounds = [[load(server, connections) for server in servers] for _ in range(ROUNDS)]
    print(f"\n{connections} connections, medians of {ROUNDS} in turn:")
    for server, of_server in zip(servers, zip(*rounds, strict=True), strict=True):
        rate, cpu = (statistics.median(values) for values in zip(*of_server, strict=True))
        ratios = [mine / theirs for (mine, _), (_, (theirs, _), *_) in zip(of_server, rounds, strict=True)]
        times = f"{statistics.median(ratios):.2f} times nginx ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"  {server.name:15} {rate:5.0f} MiB/s, {times}, {cpu:4.0f} us of its processor for each")


def load(server: Server, connections: int) -> tuple[float, float]:
    """MiB a second that the client got, and the server's processor time for one of them in microseconds."""
    lines, cpu = len(server.access_log.read_bytes().splitlines()), server.cpu_seconds
    command = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s"]
    url = f"http://127.0.0.1:{server.port}{PATH}"
    said = subprocess.run([*command, url], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "Non-2xx" not in said, said
    [(requests, seconds)] = re.findall(r"(\d+) requests in ([\d.]+)s", said)
    logged = len(server.access_log.read_bytes().splitlines()) - lines
    assert logged >= int(requests) - connections, f"{server.name} logged {logged} of {requests}"
    return int(requests) / float(seconds), (server.cpu_seconds - cpu) / int(requests) * 1e6
