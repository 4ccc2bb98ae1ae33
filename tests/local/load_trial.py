"""A server that can be stopped, and a load that is driven to its end: what the load tests share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from chaos.load.driver import LocustLoad
from chaos.model.experiment import Load
from chaos.model.sample import Histogram, LoadReport, LoadStream

PLAIN = """
from locust import FastHttpUser, HttpUser, between, constant_throughput, events, task

@events.init.add_listener
def on_init(environment, **more):
    print("heard init")

@events.test_start.add_listener
def on_start(environment, **more):
    print("heard test_start", environment.host)

@events.test_stop.add_listener
def on_stop(environment, **more):
    print("heard test_stop after", environment.stats.total.num_requests)

class Slow(HttpUser):
    wait_time = between(0.01, 0.02)

    @task
    def page(self):
        self.client.get("/page", context={"region": "east"})

class Fast(FastHttpUser):
    wait_time = between(0.01, 0.02)

    @task
    def missing(self):
        self.client.get("/missing")
"""


class Server:
    """Answers 200 with five bytes, 404 under /missing; while `gate` is clear it takes requests and answers nothing.

    `waiting` are the paths of those that met a closed gate.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.waiting: list[str] = []
        handler = type("Handler", (_Handler,), {"gate": self.gate, "waiting": self.waiting})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.host = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    gate: threading.Event
    waiting: list[str]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if not self.gate.is_set():
            self.waiting.append(self.path)
        self.gate.wait(60)
        try:
            self.send_response(404 if self.path == "/missing" else 200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")
        except OSError:
            self.close_connection = True  # the user was cut off while it waited

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server() -> Iterator[Server]:
    running = Server()
    try:
        yield running
    finally:
        running.close()


@contextmanager
def started(load: Load, folder: Path, seed: int = 7, **settings: str) -> Iterator[LocustLoad]:
    source = LocustLoad(load, settings, seed, folder)
    try:
        source.start()
        yield source
    finally:
        source.kill()


def collect(source: LocustLoad, seconds: float) -> list[LoadReport]:
    """Poll for that long."""
    reports: list[LoadReport] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        reports += source.poll()
        time.sleep(0.05)
    return reports


def collect_until(
    source: LocustLoad, enough: Callable[[list[LoadReport]], object], patience_seconds: float = 60.0
) -> list[LoadReport]:
    """Poll until the reports are enough: how long that takes is the machine's affair."""
    reports: list[LoadReport] = []
    until = time.monotonic() + patience_seconds
    while not enough(reports):
        assert time.monotonic() < until, f"what was waited for is not in {len(reports)} reports"
        reports += source.poll()
        time.sleep(0.02)
    return reports


def finish(source: LocustLoad, patience_seconds: float = 30.0) -> list[LoadReport]:
    """Stop it and poll to the last report."""
    source.stop()
    reports: list[LoadReport] = []
    until = time.monotonic() + patience_seconds
    while not (reports and reports[-1].finished):
        assert time.monotonic() < until, "the load never finished"
        reports += source.poll()
        time.sleep(0.02)
    return reports


def streams_of(reports: list[LoadReport], request: str) -> list[LoadStream]:
    return [stream for report in reports for stream in report.streams if stream.request == request]


def quantile_ms(reports: list[LoadReport], request: str, quantile: float) -> float:
    histogram = Histogram.merged(stream.histogram for stream in streams_of(reports, request))
    return histogram.value_at_rank(max(1, round(quantile * histogram.total)))
