"""What makes the numbers honest: open-loop arrivals, and latency from the moment a request was meant to start."""

from __future__ import annotations

import re
from pathlib import Path

from chaos.model.experiment import Load
from tests.local.load_trial import collect, collect_until, finish, quantile_ms, server, started

COMPARED = 20
"""So many sessions; each is told when it was meant to begin, give or take what a busy machine held up its own line."""

STEADY = """
from locust import FastHttpUser, constant_throughput, task

class Steady(FastHttpUser):
    wait_time = constant_throughput(50)

    @task
    def page(self):
        self.client.get("/page")
"""

BLOCKED = """
import time
import gevent
from locust import FastHttpUser, events, task

@events.test_start.add_listener
def on_start(**more):
    def hog():
        gevent.sleep(0.5)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            pass
    gevent.spawn(hog)

class Viewer(FastHttpUser):
    @task
    def page(self):
        self.client.get("/page")
"""

TELLING = """
import time
import gevent
from locust import User, task

class Often(User):
    weight = 3

    @task
    def say(self):
        meant = time.monotonic() - gevent.getcurrent().chaos_arrival.late_ms / 1000
        print(f"SESSION {type(self).__name__} {meant:.3f}", flush=True)

class Seldom(Often):
    weight = 1
"""


def test_a_server_that_stops_for_two_seconds_shows_in_the_open_loop_and_hides_in_the_closed_one(tmp_path: Path) -> None:
    (tmp_path / "steady.py").write_text(STEADY)
    file = str(tmp_path / "steady.py")
    with server() as target:
        opened = Load(locustfile=file, host=target.host, arrivals_per_second=100)
        closed = Load(locustfile=file, host=target.host, users=2)
        with started(opened, tmp_path / "open") as first, started(closed, tmp_path / "closed") as second:
            collect(first, 2.0)  # read at the end: the pipe and the driver keep it
            target.gate.clear()
            in_open = collect(first, 2.0)
            target.gate.set()
            in_open += collect(first, 1.0) + finish(first)
            in_closed = finish(second)
    assert quantile_ms(in_open, "/page", 0.99) > 1500
    assert quantile_ms(in_closed, "/page", 0.9) < 500, "a busy machine takes part of a second, the server took two"
    assert quantile_ms(in_open, "/page", 0.5) > quantile_ms(in_closed, "/page", 0.5)
    assert max(report.lag_ms for report in in_open) < 1500, "it was the server that was late, not the generator"


def test_latency_counts_from_the_intended_start_and_a_blocked_generator_shows_as_lag(tmp_path: Path) -> None:
    (tmp_path / "blocked.py").write_text(BLOCKED)
    with server() as target:
        load = Load(locustfile=str(tmp_path / "blocked.py"), host=target.host, arrivals_per_second=50)
        with started(load, tmp_path) as source:
            reports = collect(source, 2.2) + finish(source)
    assert max(report.lag_ms for report in reports) > 800
    # The server answers in a millisecond; who arrived while the generator was blocked has waited all the same.
    # They are half of all users here, so this is more than the few whose request was under way when it blocked.
    assert quantile_ms(reports, "/page", 0.8) > 300
    assert quantile_ms(reports, "/page", 0.2) < 100


def test_the_same_seed_repeats_arrivals_and_users(tmp_path: Path) -> None:
    first, again, other = (_sessions(tmp_path / name, seed) for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert [user for user, _ in first] == [user for user, _ in again]
    assert _of_one_moment(first, again) >= COMPARED - 3 > _of_one_moment(first, other)


def _of_one_moment(some: list[tuple[str, float]], others: list[tuple[str, float]]) -> int:
    """How many begin as long after the beginning of the load as those of the other one do."""
    shifts = sorted(at - when for (_, at), (_, when) in zip(some, others, strict=True))
    return sum(abs(shift - shifts[COMPARED // 2]) < 0.02 for shift in shifts)


def _sessions(folder: Path, seed: int) -> list[tuple[str, float]]:
    folder.mkdir()
    (folder / "telling.py").write_text(TELLING)
    load = Load(locustfile=str(folder / "telling.py"), arrivals_per_second=40)
    with started(load, folder, seed) as source:
        log = folder / "locust.log"
        collect_until(source, lambda _: log.read_text().count("SESSION") >= COMPARED)
        finish(source)
    said = re.findall(r"SESSION (\w+) ([\d.]+)\n", log.read_text())
    return [(user, float(at)) for user, at in said[:COMPARED]]
