"""Real runs that go wrong on the way never end green, nor does their journal later."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Injecting, Judged, PhaseBegan
from tests.cli.test_bad_input import KILL_A_WEB, write
from tests.local.load_trial import server
from tests.local.small_system import SmallSystem

USER = """
from locust import FastHttpUser, task

class User(FastHttpUser):
    @task
    def page(self):
        self.client.get("/page")
"""
WITH_LOAD = """
apiVersion: chaos/v1
kind: Experiment
name: loaded
hypothesis: Pages are served.
steadyState:
  - {{name: pages are served, probe: {{load_ratio: {{request: /page}}}}, target: ">= 50%", minSamples: 5}}
load: {{locustfile: ./user.py, host: {host}, arrivals: 20/s, warmUp: 500ms, baseline: 1s, drain: 1s}}
method: [{{wait: 20s}}]
recovery: 0s
"""


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_load_generator_that_is_killed_midway_makes_the_run_inconclusive(system: SmallSystem, tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER)
    known = len(all_runs(system.home))
    with server() as target:
        run = system.start_chaos("run", write(tmp_path, WITH_LOAD.format(host=target.host)))

        def in_the_method() -> bool:
            runs = all_runs(system.home)
            events = read(runs[-1].journal) if len(runs) > known else ()
            return any(isinstance(event, PhaseBegan) and event.phase == "method" for event in events)

        until(in_the_method, "the method did not begin")
        generators = [pid for pid in children(run.pid) if b"chaos.load" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert generators, "there is nothing to kill"
        for pid in generators:
            os.kill(pid, signal.SIGKILL)
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 3, output
    assert system.chaos("report", "last").returncode == 3


def test_a_run_that_was_killed_is_never_green_later_nor_is_any_part_of_its_journal(
    system: SmallSystem, tmp_path: Path
) -> None:
    known = len(all_runs(system.home))
    run = system.start_chaos("run", write(tmp_path, KILL_A_WEB.replace("duration: 1s", "duration: 60s")))

    def last() -> tuple[object, ...]:
        runs = all_runs(system.home)
        return read(runs[-1].journal) if len(runs) > known else ()

    until(lambda: any(isinstance(event, Injecting) for event in last()), "nothing was injected")
    run.kill()
    run.communicate()
    until(lambda: isinstance(last()[-1], Judged), "the guardian did not end the run")
    assert system.chaos("report", "last").returncode == 143
    lines = all_runs(system.home)[-1].journal.read_bytes()
    for share in (0.3, 0.6, 0.9):
        cut = tmp_path / "cut" / "journal.jsonl"
        cut.parent.mkdir(exist_ok=True)
        cut.write_bytes(lines[: int(len(lines) * share)])
        assert system.chaos("report", str(cut)).returncode in (2, 6, 143)  # 2: its first line is torn


def test_a_probe_whose_answers_are_always_bad_is_never_green(system: SmallSystem, tmp_path: Path) -> None:
    """One look before the method is no certainty, so the run may begin; it then deviates."""
    probe = "{http: {url: 'http://127.0.0.1:9/', every: 100ms}}"
    text = KILL_A_WEB.replace("{process_alive: {service: web, every: 100ms}}", probe)
    assert probe in text
    done = system.chaos("run", write(tmp_path, text))
    assert done.returncode in (1, 4), done.stdout + done.stderr
    assert system.broken() == []
