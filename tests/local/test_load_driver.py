"""The life of the load generator's process: it starts, reports, drains, dies, and never outlives its run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.load import driver, worker
from chaos.model.errors import BadInput, ChaosError
from chaos.model.experiment import Load
from chaos.model.sample import LoadReport
from tests.local.load_trial import PLAIN, Server, collect, collect_until, finish, server, started, streams_of

ROOT = Path(__file__).resolve().parents[2]


def _locustfile(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("shape", [{"arrivals_per_second": 60.0}, {"users": 4}], ids=["open", "closed"])
def test_a_users_own_locustfile_works_in_both_modes(tmp_path: Path, shape: dict[str, float]) -> None:
    with server() as target:
        load = Load(locustfile=_locustfile(tmp_path, PLAIN), host=target.host, **shape)  # type: ignore[arg-type]
        with started(load, tmp_path) as source:
            reports = collect_until(source, lambda seen: min(asked(seen, "/page"), asked(seen, "/missing")) > 20)
            reports += finish(source)
    pages, missing = streams_of(reports, "/page"), streams_of(reports, "/missing")
    assert sum(s.count for s in pages) > 20
    assert {s.region for s in pages} == {"east"}
    assert sum(s.failures for s in pages) == 0
    assert sum(s.bytes for s in pages) == 5 * sum(s.count for s in pages)
    assert sum(s.failures for s in missing) == sum(s.count for s in missing) > 20
    assert any("404" in text for report in reports for text in report.failures)
    assert (reports[-1].finished, reports[-1].unfinished) == (True, 0)
    log = (tmp_path / "locust.log").read_text()
    assert all(f"heard {event}" in log for event in ("init", f"test_start {target.host}", "test_stop after"))


def asked(reports: list[LoadReport], request: str) -> int:
    return sum(stream.count for stream in streams_of(reports, request))


TASK_SETS = """
from locust import SequentialTaskSet, TaskSet, User, task

class Steps(SequentialTaskSet):
    wait_time = lambda self: 0

    @task
    def one(self):
        self.user.did.append("one")

    @task
    def two(self):
        self.user.did.append("two")

class Nested(TaskSet):
    def on_start(self):
        self.user.did.append("begin")

    @task
    def inside(self):
        self.user.did.append("inside")

class Walker(User):
    tasks = [Steps, Nested]

    def on_start(self):
        self.did = ["start"]

    def on_stop(self):
        print("DID", *self.did, flush=True)
"""


def test_an_open_session_runs_one_task_of_a_task_set_and_all_of_a_sequence(tmp_path: Path) -> None:
    load = Load(locustfile=_locustfile(tmp_path, TASK_SETS), arrivals_per_second=100)
    log = tmp_path / "locust.log"
    with started(load, tmp_path) as source:
        collect_until(source, lambda _: log.read_text().count("DID") > 20)
        assert finish(source)[-1].unfinished == 0
    assert set(log.read_text().splitlines()) == {"DID start one two", "DID start begin inside"}


RAISING = """
from locust import User, task

class Broken(User):
    @task
    def work(self):
        raise ValueError("this is the locustfile's own mistake")
"""


def test_a_mistake_in_a_task_is_told_and_the_load_goes_on(tmp_path: Path) -> None:
    load = Load(locustfile=_locustfile(tmp_path, RAISING), arrivals_per_second=20)
    with started(load, tmp_path) as source:
        reports = collect_until(source, lambda seen: any(report.failures for report in seen)) + finish(source)
    told = {text for report in reports for text in report.failures}
    assert told == {"Broken: ValueError: this is the locustfile's own mistake"}


ENVIRONMENT = """
import os
from locust import User, task

print({name: value for name, value in os.environ.items() if name.startswith(("CHAOS_", "MINE"))})

class Idle(User):
    @task
    def nothing(self):
        pass
"""


def test_the_locustfile_finds_the_system_by_its_environment(tmp_path: Path) -> None:
    load = Load(
        locustfile=_locustfile(tmp_path, ENVIRONMENT),
        users=1,
        time_scale=4.0,
        host="http://h",
        settings={"MINE": "yes"},
    )
    with started(load, tmp_path, 11, CHAOS_STATE_FILE="/some/state.json", CHAOS_HOST="http://other"):
        pass
    log = (tmp_path / "locust.log").read_text()
    expected = {
        "CHAOS_STATE_FILE": "/some/state.json",
        "CHAOS_HOST": "http://h",
        "CHAOS_SEED": "11",
        "CHAOS_TIME_SCALE": "4.0",
        "MINE": "yes",
    }
    assert all(f"{name!r}: {value!r}" in log for name, value in expected.items())


@pytest.mark.parametrize("shape", [{"arrivals_per_second": 20.0}, {"users": 6}], ids=["open", "closed"])
def test_sessions_that_do_not_end_within_the_drain_are_cut_off_and_counted(
    tmp_path: Path, shape: dict[str, float]
) -> None:
    with server() as target:
        load = Load(locustfile=_locustfile(tmp_path, PLAIN), host=target.host, drain_seconds=0.3, **shape)  # type: ignore[arg-type]
        with started(load, tmp_path) as source:
            target.gate.clear()
            collect_until(source, lambda _: len(target.waiting) >= 6)
            last = finish(source, patience_seconds=30)[-1]  # half as long as the gate is closed
    assert last.finished
    assert last.unfinished >= 6


BAD = {
    "def broken(:\n": r"is not Python: line 1: ",
    "import nothing_of_this_name\n": r"cannot be loaded, line 1: ModuleNotFoundError",
    "x = 1\n": r"defines no user class",
    "raise SystemExit(3)\n": r"cannot be loaded, line 1: SystemExit: 3",
    "from locust import HttpUser, task\nclass A(HttpUser):\n    @task\n    def t(self): pass\n": r"where to send",
    "from locust import User\nclass A(User):\n    pass\n": r"A in .* has nothing to do",
    "import os\nos._exit(9)\n": r"ended while it started",
}


@pytest.mark.parametrize("text", list(BAD))
def test_a_locustfile_that_cannot_be_used_is_one_sentence(tmp_path: Path, text: str) -> None:
    source = driver.LocustLoad(Load(locustfile=_locustfile(tmp_path, text), users=1), {}, 1, tmp_path)
    with pytest.raises(BadInput, match=BAD[text]) as caught:
        source.start()
    assert "\n" not in caught.value.message.partition(" Its last words:")[0]
    assert source.poll() == ()


def test_viewers_without_a_platform_are_one_sentence(tmp_path: Path) -> None:
    source = driver.LocustLoad(Load(locustfile="viewers", users=1), {}, 1, tmp_path)
    with pytest.raises(BadInput, match="CHAOS_STATE_FILE is not set"):
        source.start()


DYING = """
import os
import gevent
from locust import User, events, task

@events.test_start.add_listener
def on_start(**more):
    def end():
        print("these are my last words", flush=True)
        os._exit(7)
    gevent.spawn_later(0.3, end)

class Idle(User):
    @task
    def nothing(self):
        pass
"""


def test_a_child_that_dies_early_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with (
        started(Load(locustfile=_locustfile(tmp_path, DYING), arrivals_per_second=1), tmp_path) as source,
        pytest.raises(ChaosError, match=r"ended before its time.*\n.*these are my last words"),
    ):
        collect(source, 60)


HUNG = """
from locust import User, task

class Hog(User):
    @task
    def think(self):
        while True:
            pass
"""


def test_a_generator_that_hangs_is_an_error_not_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SILENCE_SECONDS", 1.5)
    with (
        started(Load(locustfile=_locustfile(tmp_path, HUNG), users=1), tmp_path) as source,
        pytest.raises(ChaosError, match="has said nothing for"),
    ):
        collect(source, 60)


HELPED = """
import subprocess
from locust import User, task

HELPER = subprocess.Popen(["sleep", "60"])
print("HELPER", HELPER.pid, flush=True)

class Idle(User):
    @task
    def nothing(self):
        while True:
            pass
"""


def test_kill_ends_the_child_and_what_it_started_even_while_it_hangs(tmp_path: Path) -> None:
    with started(Load(locustfile=_locustfile(tmp_path, HELPED), users=1), tmp_path) as source:
        helper = _helper_pid(tmp_path)
        source.kill()
        _await_gone([helper], within_seconds=1.0)
        assert source.poll() == ()


@pytest.mark.parametrize("text", [PLAIN, HELPED], ids=["plain", "hung"])
def test_the_child_ends_within_a_second_when_the_run_is_killed(tmp_path: Path, text: str) -> None:
    with server() as target:
        run = _run_that_loads(_locustfile(tmp_path, text), tmp_path, target)
        try:
            assert run.stdout is not None
            child = int(run.stdout.readline())
            time.sleep(0.3)
            pids = [child] if text == PLAIN else [child, _helper_pid(tmp_path)]
            assert all(_alive(pid) for pid in pids)
        finally:
            run.send_signal(signal.SIGKILL)
            run.wait()
            if run.stdout is not None:
                run.stdout.close()
        _await_gone(pids, within_seconds=1.0)


def _run_that_loads(locustfile: str, folder: Path, target: Server) -> subprocess.Popen[str]:
    code = f"""
import time
from pathlib import Path
from chaos.load.driver import LocustLoad
from chaos.model.experiment import Load
source = LocustLoad(Load(locustfile={locustfile!r}, host={target.host!r}, users=2), {{}}, 1, Path({str(folder)!r}))
source.start()
print(*source.pids, flush=True)
time.sleep(60)
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _helper_pid(folder: Path) -> int:
    return int((folder / "locust.log").read_text().split("HELPER ")[1].split()[0])


def _alive(pid: int) -> bool:
    """A zombie has ended: its parent (init, by now) just has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _await_gone(pids: list[int], within_seconds: float) -> None:
    until = time.monotonic() + within_seconds
    while any(_alive(pid) for pid in pids):
        if time.monotonic() > until:
            for pid in pids:
                if _alive(pid):
                    os.kill(pid, signal.SIGKILL)
            pytest.fail(f"still alive after {within_seconds} s")
        time.sleep(0.01)
