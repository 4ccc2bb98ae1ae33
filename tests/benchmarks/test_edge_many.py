"""Ten thousand readers who take a few KiB a second, on one edge. Prints; decides only what must never be:
`pytest tests/benchmarks/test_edge_many.py --run-benchmarks -s`."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.benchmarks.edge_stand import CLIENT_CORE, PATH, SEGMENT_BYTES, Server, edge, needed

READERS, BYTES_A_SECOND = 10_000, 4096
READ_SECONDS, LOOKS = 15, 30


@pytest.mark.parametrize("concurrent", [None, 10_000], ids=["256 at a time, as shipped", "10000 at a time"])
def test_ten_thousand_slow_readers(tmp_path: Path, concurrent: int | None) -> None:
    needed("taskset")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < READERS + 1000:
        pytest.skip(f"{READERS} connections need as many descriptors, and {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # inherited by the edge and the readers
    try:
        with edge(tmp_path, concurrent) as server:
            print(f"\nat most {concurrent or 256} at a time:")
            alone = viewer(server)
            before, kernel_before = server.memory_kb(), kernel_kb()
            with slow_readers(server) as said:
                time.sleep(READ_SECONDS)
                beside = viewer(server)
                memory, kernel = server.memory_kb() - before, kernel_kb() - kernel_before
                open_files = len(os.listdir(f"/proc/{server.pid}/fd"))
            print(f"  readers: {said}; {open_files} descriptors of the edge meanwhile")
            print(f"  memory: {memory / READERS:.1f} KiB each in the edge, {kernel / READERS:.0f} KiB in all sockets")
            print(f"  a viewer of {SEGMENT_BYTES >> 10} KiB: alone {alone}; beside them {beside}")
            time.sleep(1)
            print(f"  when they have gone: {server.memory_kb() - before:.0f} KiB more in all")
            assert server.ask()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def slow_readers(server: Server) -> Iterator[dict[str, int]]:
    """For as long as the block lasts, after which it says what became of them."""
    said: dict[str, int] = {}
    with ExitStack() as stack:
        command = ["taskset", "-c", CLIENT_CORE, sys.executable, "-m", "tests.benchmarks.slow_readers"]
        arguments = [str(server.port), PATH, str(READERS), str(BYTES_A_SECOND)]
        client = stack.enter_context(
            subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        stack.callback(client.kill)
        assert client.stdout is not None
        began = time.monotonic()
        assert client.stdout.readline() == "asked\n"
        print(f"  all have asked after {time.monotonic() - began:.1f} s")
        yield said
        out, _ = client.communicate(timeout=30)
        said.update(json.loads(out))


def viewer(server: Server) -> str:
    """How a normal viewer fares who asks for a segment again and again."""
    seconds, refused = [], 0
    for _ in range(LOOKS):
        began = time.monotonic()
        if len(server.ask()) == SEGMENT_BYTES:
            seconds.append(time.monotonic() - began)
        else:
            refused += 1
        time.sleep(0.05)
    if not seconds:
        return f"refused {refused} times of {LOOKS}"
    ms = sorted(each * 1000 for each in seconds)
    return f"median {statistics.median(ms):.1f} ms, worst {ms[-1]:.0f} ms, refused {refused} of {LOOKS}"


def kernel_kb() -> int:
    """What the kernel counts as the memory of all TCP sockets of the machine."""
    [line] = [line for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:")]
    return int(line.rpartition(" mem ")[2]) * resource.getpagesize() // 1024
