"""Instances that are small HTTP servers in threads, and an environment that lists them, for the tests of the probes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chaos.environments.simulated import SimulatedEnvironment
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import World
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import SystemDown
from chaos.model.system import Instance, Inventory

Answer = Callable[[str], tuple[int, str]]


class Listing(SimulatedEnvironment):
    """Lists these instances; without any the system is down."""

    def __init__(self, *instances: Instance) -> None:
        super().__init__(EnvironmentRef(kind="simulated", name="listing"), World(VirtualClock()))
        self._instances = instances

    def inventory(self) -> Inventory:
        if not self._instances:
            raise SystemDown("nothing runs")
        return Inventory(instances=self._instances)


def instance(name: str, address: str = "", region: str = "east", running: bool = True) -> Instance:
    return Instance(
        name=name,
        service=name.split("-")[0],
        region=region,
        identity={"pid": 1, "started": 1} if running else None,
        address=address,
        health_path="/healthz",
        metrics_path="/metrics",
    )


@contextmanager
def serving(*answers: Answer) -> Iterator[list[str]]:
    """One server for each; an answer gets the path and gives status and text. Yields their addresses."""
    with ExitStack() as stack:
        yield [stack.enter_context(_server(answer)) for answer in answers]


@contextmanager
def _server(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answer(self.path)
            try:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())
            except OSError:
                pass  # whoever asked has stopped waiting

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def says(status: int, text: str = "", after_seconds: float = 0) -> Answer:
    def answer(path: str) -> tuple[int, str]:
        time.sleep(after_seconds)
        return status, text

    return answer
