"""One edge beside Debian's nginx, the same cached segment of 1 MiB, in turn. Prints; decides nothing:
`pytest tests/benchmarks/test_edge_speed.py --run-benchmarks -s`. Skips where nginx, wrk or a processor is missing.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from collections.abc import Iterator

import pytest

from tests.benchmarks.edge_stand import CLIENT_CORE, PATH, Server, edge, needed, nginx

ROUNDS, SECONDS = 5, 1
CONNECTIONS = (1, 8, 64)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    needed("nginx", "wrk", "taskset")
    if (os.cpu_count() or 1) < 2:
        pytest.skip("the server and its client need a processor each")
    folder = tmp_path_factory.mktemp("edge")
    with edge(folder) as ours, nginx(folder) as theirs:
        yield ours, theirs


@pytest.mark.parametrize("connections", CONNECTIONS)
def test_a_cached_segment(servers: tuple[Server, Server], connections: int) -> None:
    rounds = [[load(server, connections) for server in servers] for _ in range(ROUNDS)]
    (ours, our_cpu), (theirs, their_cpu) = (
        [statistics.median(values) for values in zip(*of_server, strict=True)]
        for of_server in zip(*rounds, strict=True)
    )
    ratios = sorted(ours_then / theirs_then for (ours_then, _), (theirs_then, _) in rounds)
    print(
        f"\n{connections} connections, medians of {ROUNDS} in turn: edge {ours:.0f} MiB/s, nginx {theirs:.0f}, ", end=""
    )
    print(f"{ours / theirs:.2f} times (of one round {ratios[0]:.2f} to {ratios[-1]:.2f}); ", end="")
    print(f"its processor per segment: edge {our_cpu:.0f} us, nginx {their_cpu:.0f} us")


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
