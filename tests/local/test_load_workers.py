"""A load made by several processes: the same users at the same times, one stream of reports, and no survivors."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.model.errors import ChaosError
from chaos.model.experiment import Load, Stretch
from chaos.model.sample import LoadReport
from tests.local.load_trial import collect, collect_until, finish, started, streams_of
from tests.local.test_load_driver import ROOT, _alive, _await_gone

TELLING = """
import os, time
import gevent
from locust import User, task

class Often(User):
    weight = 3

    @task
    def say(self):
        request = self.environment.events.request
        request.fire(request_type="x", name="say", response_time=1.0, response_length=10, exception=None, context={})
        arrival = getattr(gevent.getcurrent(), "chaos_arrival", None)  # closed loops have none
        meant = time.monotonic() - (arrival.late_ms / 1000 if arrival else 0)
        print(f"SESSION {meant:.3f} {type(self).__name__} {os.environ['CHAOS_WORKER']}", flush=True)
        gevent.sleep(0.05)

class Seldom(Often):
    weight = 1
"""
RAMP = (Stretch(seconds=1.0, begin=20, end=80),)


def _sessions(folder: Path, workers: int) -> tuple[list[tuple[float, str]], set[str], int]:
    """(time at which it was meant to begin, class) of each session in order, the workers, and how many were counted."""
    folder.mkdir()
    (folder / "telling.py").write_text(TELLING)
    load = Load(locustfile=str(folder / "telling.py"), arrivals_per_second=20, shape=RAMP, workers=workers)
    with started(load, folder) as source:
        assert len(source.pids) == workers
        reports = collect_until(source, lambda seen: sum(each.count for each in streams_of(seen, "say")) > 90)
        reports += finish(source)
    text = "".join(path.read_text() for path in sorted(folder.glob("locust*.log")))
    said = re.findall(r"SESSION ([\d.]+) (\w+) (\d)", text)
    counted = sum(stream.count for stream in streams_of(reports, "say"))
    assert (reports[-1].finished, [report.finished for report in reports].count(True)) == (True, 1)
    assert len(reports) <= 3 + reports[-1].at - reports[0].at, "one a second for all workers, and the last one"
    return sorted((float(at), name) for at, name, _ in said), {worker for _, _, worker in said}, counted


def test_workers_make_the_same_sessions_at_the_same_times_as_one(tmp_path: Path) -> None:
    alone, _, counted_alone = _sessions(tmp_path / "one", 1)
    shared, workers, counted = _sessions(tmp_path / "two", 2)
    assert workers == {"0", "1"}
    assert (counted_alone, counted) == (len(alone), len(shared))
    assert min(counted, counted_alone) > 90  # 50 in the ramp, then 80/s: it goes on at its last rate
    first = 70  # the last ones depend on when it was stopped
    same = sum(name == other for (_, name), (_, other) in zip(alone[:first], shared[:first], strict=True))
    assert same > 0.8 * first, "two sessions of one moment may be told in either order"
    shifts = sorted(at - when for (at, _), (when, _) in zip(alone[:first], shared[:first], strict=True))
    usual = shifts[first // 2]  # the two loads did not begin at the same time
    assert sum(abs(shift - usual) < 0.1 for shift in shifts) > 0.8 * first, shifts


def test_users_follow_a_shape_and_leave_after_their_task(tmp_path: Path) -> None:
    (tmp_path / "telling.py").write_text(TELLING)
    shape = (
        Stretch(seconds=0.4, begin=2, end=2),
        Stretch(seconds=2.2, begin=9, end=9),
        Stretch(seconds=0, begin=3, end=3),
    )
    load = Load(locustfile=str(tmp_path / "telling.py"), users=2, shape=shape, workers=2)

    def seen(users: int) -> Callable[[list[LoadReport]], bool]:
        return lambda reports: any(report.active_users == users for report in reports)

    with started(load, tmp_path) as source:
        collect_until(source, seen(9))
        collect_until(source, seen(3))
        finish(source)


DYING = """
import os
import gevent
from locust import User, events, task

@events.test_start.add_listener
def on_start(**more):
    if os.environ["CHAOS_WORKER"] == "1":
        gevent.spawn_later(0.3, lambda: os._exit(7))

class Idle(User):
    @task
    def nothing(self):
        pass
"""


def test_the_death_of_one_worker_ends_the_load_and_all_workers(tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    load = Load(locustfile=str(tmp_path / "dying.py"), arrivals_per_second=1, workers=2)
    with started(load, tmp_path) as source:
        pids = list(source.pids)
        with pytest.raises(ChaosError, match=r"Worker 2 of the load generator ended before its time"):
            collect(source, 60)
        _await_gone(pids, within_seconds=1.0)
        assert source.poll() == ()


def test_no_worker_outlives_the_run(tmp_path: Path) -> None:
    (tmp_path / "telling.py").write_text(TELLING)
    code = f"""
import time
from pathlib import Path
from chaos.load.driver import LocustLoad
from chaos.model.experiment import Load
load = Load(locustfile={str(tmp_path / "telling.py")!r}, users=4, workers=2)
source = LocustLoad(load, {{}}, 1, Path({str(tmp_path)!r}))
source.start()
print(*source.pids, flush=True)
time.sleep(60)
"""
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert run.stdout is not None
        pids = [int(pid) for pid in run.stdout.readline().split()]
        assert len(pids) == 2
        assert all(_alive(pid) for pid in pids)
    finally:
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        if run.stdout is not None:
            run.stdout.close()
    _await_gone(pids, within_seconds=1.0)
