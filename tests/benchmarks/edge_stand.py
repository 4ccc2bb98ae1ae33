"""An edge as the platform runs it, nginx beside it, and the means to run each on a processor of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest
import yaml

from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.weaknesses import effective_policies

ORIGIN_PORT, EDGE_PORT, NGINX_PORT = 20301, 20302, 20303
SERVER_CORE, CLIENT_CORE = "0", "1"
SEGMENT_BYTES = 1 << 20
PATH = "/media/some-title/segment.ts"
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Debian keeps nginx where only the administrator looks."""


@dataclass(frozen=True)
class Server:
    """`pid` is the process that serves; `access_log` is where it writes one line a request."""

    name: str
    port: int
    pid: int
    access_log: Path

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")  # utime and stime, of proc(5)

    def memory_kb(self, kind: str = "VmRSS") -> int:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return int(fields[kind].split()[0])

    def ask(self, path: str = PATH) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()


def needed(*programs: str) -> None:
    """Skips, with the reason on the screen, where one of them is not installed."""
    for program in programs:
        if shutil.which(program, path=PLACES) is None:
            print(f"\nskipped: {program} is not installed (apt-get install nginx-light wrk)")
            pytest.skip(f"{program} is not installed")


@contextmanager
def edge(folder: Path, concurrent: int | None = None) -> Iterator[Server]:
    """With an origin behind it that has one segment, which the edge has in its cache already.

    Whole, as the launcher starts it: health, shedding, metrics, access log. `concurrent` is the limit of its shedding.
    """
    (folder / "media").mkdir()
    (folder / "media" / "segment.ts").write_bytes(os.urandom(SEGMENT_BYTES))
    policies = yaml.safe_load(effective_policies())
    if concurrent:
        policies["shedding"]["services"]["edge"] = {"concurrent": concurrent}
    (folder / "policies.yaml").write_text(yaml.safe_dump(policies))
    with ExitStack() as stack:
        stack.enter_context(_instance(folder, "origin-1", ORIGIN_PORT))
        yield stack.enter_context(_warm_edge(folder, "edge-1", EDGE_PORT))


@contextmanager
def edge_by(way: str, folder: Path, port: int) -> Iterator[Server]:
    """Another edge before the same origin, with a way to the socket of edge_ways."""
    name = f"edge-{way.lower()}"
    with _warm_edge(folder, name, port, ("--service", f"tests.benchmarks.edge_ways:{way}")) as made:
        yield made


@contextmanager
def _warm_edge(folder: Path, name: str, port: int, options: Sequence[str] = ()) -> Iterator[Server]:
    with _instance(folder, name, port, options) as pid:
        made = Server(name, port, pid, folder / "logs" / f"{name}.access.jsonl")
        assert made.ask() == (folder / "media" / "segment.ts").read_bytes()
        yield made


@contextmanager
def nginx(folder: Path) -> Iterator[Server]:
    """Debian's, with a configuration and a folder of its own, and the same file."""
    (folder / "www" / PATH[1:]).parent.mkdir(parents=True)
    (folder / "www" / PATH[1:]).write_bytes((folder / "media" / "segment.ts").read_bytes())
    (folder / "nginx.conf").write_text(_nginx_conf(folder))
    program = shutil.which("nginx", path=PLACES) or "nginx"
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx-errors")]
    with _running(command, NGINX_PORT, SERVER_CORE) as master:
        worker = int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])
        yield Server("nginx", NGINX_PORT, worker, folder / "nginx-access.log")


@contextmanager
def _instance(folder: Path, name: str, port: int, options: Sequence[str] = ()) -> Iterator[int]:
    service = name.partition("-")[0]
    origin = Endpoint(instance="here/origin-1", region="here", address=f"127.0.0.1:{ORIGIN_PORT}")
    config = InstanceConfig(
        name=f"here/{name}",
        service=service,
        region="here",
        port=port,
        regions=("here",),
        policies_file=str(folder / "policies.yaml"),
        data_dir=str(folder / "data" / name),
        log_dir=str(folder / "logs"),
        endpoints={"origin": (origin,)},
        settings={"media_dir": str(folder / "media"), "session_key": "key", "licence_secret": "secret"},
    )
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(config))
    command = [sys.executable, "-m", "target_platform.kit.serve", str(folder / f"{name}.json"), *options]
    with _running(command, port, CLIENT_CORE if service == "origin" else SERVER_CORE) as pid:
        yield pid


@contextmanager
def _running(command: Sequence[str], port: int, core: str) -> Iterator[int]:
    process = subprocess.Popen(["taskset", "-c", core, *command])
    try:
        _until_it_accepts(port, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def _until_it_accepts(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


def _nginx_conf(folder: Path) -> str:
    temporary = "".join(
        f"  {kind}_temp_path {folder}/temporary;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""{"user root;" if os.geteuid() == 0 else ""}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors;
events {{ worker_connections 20000; }}
http {{
{temporary}  access_log {folder}/nginx-access.log;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{NGINX_PORT}; root {folder}/www; }}
}}
"""
