"""A server, our proxy and Toxiproxy's own server in front of it, and the program that loads them, all as processes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

GO_SERVER = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
SERVER_PORT = 20001
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "steadfast-benchmarks"


@dataclass(frozen=True)
class Through:
    """One way to the server: `port` leads there. Direct has no API and no process of its own.

    `toxic_port` leads there, too, over a link that toxics are put on, before there are connections; they are never
    removed, as that can make Toxiproxy's API stand still for ever (https://github.com/Shopify/toxiproxy/issues/558).
    """

    name: str
    port: int
    toxic_port: int = 0
    api_port: int = 0
    pid: int = 0

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.api_port, timeout=20)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            response = connection.getresponse()
            said = response.read()
            assert response.status < 300, said
            return json.loads(said) if said else None
        finally:
            connection.close()

    def toxic(self, kind: str, name: str = "toxic", **attributes: int) -> Through:
        """Put a toxic on what the server answers, and go that way. Direct has none."""
        if not self.api_port:
            return self
        self.ask("POST", "/proxies/toxic/toxics", {"name": name, "type": kind, "attributes": attributes})
        return replace(self, port=self.toxic_port)

    @property
    def resident_mb(self) -> float:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return int(fields["VmRSS"].split()[0]) / 1024

    @property
    def cpu_seconds(self) -> float:
        """Of all its threads, since it began."""
        if not self.pid:
            return 0.0
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")  # utime and stime, of proc(5)


@dataclass(frozen=True)
class Stand:
    load_program: Path
    direct: Through
    ours: Through
    theirs: Through

    def load(self, kind: str, way: Through, connections: int, seconds: float) -> dict[str, float]:
        command = [str(part) for part in (self.load_program, kind, way.port, connections, seconds)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True)
        return dict(json.loads(done.stdout))


def machine_seconds() -> tuple[float, float]:
    """For how long the machine's processors have been busy and idle, all together."""
    user, nice, system, idle, waits, *interrupts = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:8])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + sum(interrupts)) / ticks, (idle + waits) / ticks


@contextmanager
def stand(folder: Path) -> Iterator[Stand]:
    """Skips where there is no compiler of C or Go."""
    load_program = _load_program(folder)
    with ExitStack() as stack:
        stack.enter_context(_running([load_program, "serve", SERVER_PORT], SERVER_PORT))
        our_way = stack.enter_context(ours(folder, first_port=20010))
        their_way = stack.enter_context(theirs(folder, first_port=20020))
        yield Stand(load_program, Through("direct", SERVER_PORT), our_way, their_way)


@contextmanager
def ours(folder: Path, first_port: int) -> Iterator[Through]:
    config = folder / "proxy.json"
    config.write_text('{"proxies": []}')
    command = [sys.executable, "-m", "chaos.proxy", "serve", "--api-port", first_port, "--config", config]
    with _running(command, first_port) as pid:
        yield _with_links(Through("ours", first_port + 1, first_port + 2, first_port, pid))


@contextmanager
def theirs(folder: Path, first_port: int) -> Iterator[Through]:
    with _running([_go_server(), "-host", "127.0.0.1", "-port", first_port], first_port) as pid:
        yield _with_links(Through("Toxiproxy 2.12.0", first_port + 1, first_port + 2, first_port, pid))


Opens = Callable[[Path, int], AbstractContextManager[Through]]


def _with_links(way: Through) -> Through:
    for name, port in (("link", way.port), ("toxic", way.toxic_port)):
        link = {"name": name, "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{SERVER_PORT}"}
        way.ask("POST", "/proxies", link)
    return way


@contextmanager
def _running(command: list[object], port: int) -> Iterator[int]:
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=None)
    try:
        for _ in range(1000):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _load_program(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler for the program that loads the proxies")
    program = folder / "proxy_load"
    source = Path(__file__).with_suffix("").with_name("proxy_load.c")
    subprocess.run([compiler, "-O2", "-pthread", "-o", program, source], check=True)
    return program


def _go_server() -> Path:
    program = CACHE / "server"
    if not program.exists():
        go = shutil.which("go")
        if go is None:
            pytest.skip("there is no Go to build Toxiproxy's own server with")
        environment = {**os.environ, "GOBIN": str(CACHE)}
        subprocess.run([go, "install", GO_SERVER], check=True, env=environment, timeout=600)
    return program
