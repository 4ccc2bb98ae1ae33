"""What a link costs without a fault. Prints; decides nothing: `pytest tests/benchmarks --run-benchmarks -s`."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

API_PORT, LINK_PORT, UPSTREAM_PORT = 29600, 29601, 29602
SERVER = """
import asyncio, uvloop
class Serve(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        if data.startswith(b"GET /large"):
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 200000000\\r\\n\\r\\n" + bytes(200_000_000))
        else:
            self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 462\\r\\n\\r\\n" + bytes(462))
async def main():
    await (await asyncio.get_running_loop().create_server(Serve, "127.0.0.1", %d)).serve_forever()
uvloop.run(main())
"""


def test_requests_and_bytes_through_a_link(tmp_path: Path) -> None:
    link = {"name": "a", "listen": f"127.0.0.1:{LINK_PORT}", "upstream": f"127.0.0.1:{UPSTREAM_PORT}"}
    config = tmp_path / "proxy.json"
    config.write_text(json.dumps({"proxies": [link]}))
    proxy_command = ["-m", "chaos.proxy", "serve", "--api-port", str(API_PORT), "--config", str(config)]
    with running("-c", SERVER % UPSTREAM_PORT), running(*proxy_command) as proxy:
        time.sleep(1.5)
        for name, port in (("direct", UPSTREAM_PORT), ("link", LINK_PORT)) * 2:
            cpu = cpu_seconds(proxy)
            rate = asyncio.run(rate_per_second(port))
            per_request_us = (cpu_seconds(proxy) - cpu) / (rate * SECONDS) * 1e6
            p50_ms = statistics.median(asyncio.run(one_after_the_other_ms(port)))
            print(f"\n{name:7} {rate:7.0f} requests/s at 32 at once, p50 of one at a time {p50_ms:.3f} ms", end="")
            print(f", {per_request_us:.0f} us of the proxy's CPU a request" if name == "link" else "")
        for name, port in (("direct", UPSTREAM_PORT), ("link", LINK_PORT)):
            cpu = cpu_seconds(proxy)
            rate = asyncio.run(megabytes_per_second(port))
            print(f"{name:7} {rate:7.0f} MB/s, {(cpu_seconds(proxy) - cpu) / 0.2:.2f} s of the proxy's CPU a GB")


SECONDS = 4.0
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def rate_per_second(port: int) -> float:
    ends = time.perf_counter() + SECONDS

    async def client() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        while time.perf_counter() < ends:
            await exchange(reader, writer)
            count += 1
        writer.close()
        return count

    return sum(await asyncio.gather(*(client() for _ in range(32)))) / SECONDS


async def one_after_the_other_ms(port: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    for _ in range(3000):
        began = time.perf_counter()
        await exchange(reader, writer)
        times.append((time.perf_counter() - began) * 1000)
    writer.close()
    return times


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(REQUEST)
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(462)


async def megabytes_per_second(port: int) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    began = time.perf_counter()
    writer.write(b"GET /large HTTP/1.1\r\n\r\n")
    left = 200_000_000
    while left > 0:
        left -= len(await reader.read(2**20))
    writer.close()
    return 200 / (time.perf_counter() - began)


@contextmanager
def running(*arguments: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, *arguments])
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
