"""What one worker can make, and two. `make bench PYTEST_ARGS="-s -k load"`.

On two cores the workers share the machine with the server that answers them, so two workers are not twice as many.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.load.driver import LocustLoad
from chaos.model.experiment import Load
from tests.local.load_trial import collect, finish, streams_of

PORT = 25991
SECONDS = 5.0
USERS = 16
SERVER = """
import asyncio, uvloop
class Serve(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello" * data.count(b"\\r\\n\\r\\n"))
async def main():
    await (await asyncio.get_running_loop().create_server(Serve, "127.0.0.1", %d)).serve_forever()
uvloop.run(main())
"""
HTTP = """
from locust import FastHttpUser, constant, task

class Quick(FastHttpUser):
    wait_time = constant(0)

    @task
    def page(self):
        self.client.get("/page")
"""
COMPUTING = """
import time
import gevent
from locust import User, constant, task

class Busy(User):
    wait_time = constant(0)

    @task
    def work(self):
        until = time.thread_time() + 0.002
        while time.thread_time() < until:
            pass
        self.environment.events.request.fire(
            request_type="x", name="/page", response_time=2.0, response_length=0, exception=None, context={}
        )
        gevent.sleep(0)
"""


def test_load_of_one_worker_and_of_two(tmp_path: Path) -> None:
    with _server():
        for name, text in (("HTTP requests", HTTP), ("2 ms of the locustfile's own computing", COMPUTING)):
            (tmp_path / "quick.py").write_text(text)
            rates = {1: [0.0], 2: [0.0]}
            for _ in range(2):
                for workers in (1, 2):
                    rates[workers].append(_per_second(tmp_path / "quick.py", workers, tmp_path))
            one, two = max(rates[1]), max(rates[2])
            print(f"\n{name}: {one:,.0f}/s with 1 worker, {two:,.0f}/s with 2, ratio {two / one:.2f}", end="")


def _per_second(file: Path, workers: int, folder: Path) -> float:
    load = Load(locustfile=str(file), host=f"http://127.0.0.1:{PORT}", users=USERS, workers=workers)
    source = LocustLoad(load, {}, 1, folder)
    try:
        source.start()
        collect(source, 1.0)
        reports = collect(source, SECONDS)
        finish(source)
    finally:
        source.kill()
    counted = sum(stream.count for stream in streams_of(reports, "/page"))
    return counted / len(reports)  # one a second


@contextmanager
def _server() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", SERVER % PORT], env=dict(os.environ))
    try:
        time.sleep(1.0)
        yield
    finally:
        process.terminate()
        process.wait()
