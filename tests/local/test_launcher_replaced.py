"""A launcher can die: what it started runs on, the next one adopts it, and `down` leaves nothing in any case."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import SOCKET_PATH_LIMIT_BYTES
from tests.local.launcher_trial import Trial, bundled, server, until


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path / "platform")
    yield trial
    trial.close()


def mixed(trial: Trial) -> None:
    policies = trial.folder.policies("")
    trial.launch(server("a"), server("b"), bundled("c", policies), bundled("d", policies))


def test_a_new_launcher_adopts_everything_and_restarts_nothing(trial: Trial) -> None:
    mixed(trial)
    before = {each.name: (each.pid, each.started) for each in trial.state().instances}
    zygote = trial.state().zygote
    trial.kill_launcher()
    assert trial.answer("a") == str(trial.pid("a"))
    trial.start_launcher()
    trial.until_ready()
    assert {each.name: (each.pid, each.started) for each in trial.state().instances} == before
    assert trial.state().zygote == zygote
    assert trial.state().launcher["pid"] == trial.launcher_pid


def test_what_is_adopted_is_watched_like_any_other(trial: Trial) -> None:
    mixed(trial)
    trial.kill_launcher()
    trial.start_launcher()
    trial.until_ready()
    for name in ("a", "c"):
        pid = trial.pid(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda name=name, pid=pid: trial.instance(name).pid not in (pid, None))  # type: ignore[misc]
    trial.hold("b", "d")
    assert trial.instance("d").pid is None
    trial.release("b", "d")
    trial.until_ready()


def test_what_died_while_there_was_no_launcher_is_started_by_the_next(trial: Trial) -> None:
    mixed(trial)
    zygote = trial.state().zygote
    assert zygote is not None
    trial.kill_launcher()
    for pid in (trial.pid("a"), trial.pid("c"), zygote["pid"]):
        os.kill(pid, signal.SIGKILL)
    kept = trial.pid("d")
    trial.start_launcher()
    until(lambda: all(each.state == "ready" for each in trial.state().instances))
    assert trial.pid("d") == kept


def test_down_leaves_no_process_also_of_an_earlier_launcher(trial: Trial) -> None:
    mixed(trial)
    trial.kill_launcher()
    trial.start_launcher()
    trial.until_ready()
    until(lambda: len(trial.processes()) == 6)  # a launcher, a zygote, four instances
    code, said = trial.command_line("down")
    assert (code, said[-1]) == (0, {"event": "down", "stopped": True})
    assert trial.processes() == []


def test_down_without_a_launcher_stops_what_runs_and_nothing_else(trial: Trial) -> None:
    mixed(trial)
    os.kill(trial.pid("a"), signal.SIGSTOP)
    trial.kill_launcher()
    recycled = trial.folder.record("b")
    recycled.write_text(f'{{"pid": {os.getpid()}, "started": 1}}')  # our own pid, but not our start time
    code, said = trial.command_line("down")
    assert (code, said[-1]) == (0, {"event": "down", "stopped": True})
    assert trial.processes() == []
    assert [each.state for each in trial.state().instances] == ["stopped"] * 4


def test_down_of_a_launcher_that_hangs_kills_it(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    from target_platform.launcher import down

    mixed(trial)
    monkeypatch.setattr(down, "ANSWER_SECONDS", 0.3)
    os.kill(trial.launcher_pid, signal.SIGSTOP)
    assert down.down(trial.folder)
    trial.kill_launcher()
    assert trial.processes() == []


def test_down_again_has_nothing_to_do(trial: Trial) -> None:
    trial.launch(server("a"))
    trial.command_line("down")
    assert trial.command_line("down") == (0, [{"event": "down", "stopped": False}])


def test_two_launchers_do_not_fight_over_one_folder(trial: Trial) -> None:
    trial.launch(server("a"))
    second = Trial(trial.folder.home)
    said = second.start_launcher()
    assert "another launcher runs" in said["message"]
    assert trial.answer("a") == str(trial.pid("a"))


def test_a_folder_with_a_long_path_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    trial = Trial(tmp_path / ("x" * SOCKET_PATH_LIMIT_BYTES) / "platform")
    try:
        mixed(trial)
        assert not trial.state().control.startswith(str(tmp_path))
        trial.hold("a", "c")
        trial.kill_launcher()
        trial.start_launcher()
        trial.until_ready()
        assert trial.instance("a").state == "held down"
    finally:
        trial.close()
    assert not Path(trial.state().control).parent.exists()


@pytest.mark.parametrize("seed", range(6))
def test_a_launcher_killed_at_any_moment_loses_nothing(trial: Trial, seed: int) -> None:
    random = Random(seed)
    policies = trial.folder.policies("")
    trial.launch(
        *(server(f"a-{number}") for number in range(3)), *(bundled(f"b-{number}", policies) for number in range(3))
    )
    names = [each.name for each in trial.state().instances]
    for _ in range(3):
        for name in random.sample(names, 2):
            os.kill(trial.pid(name), signal.SIGKILL)
        hold_for_a_moment(trial, names[0], random.uniform(0.02, 0.1))
        time.sleep(random.uniform(0, 0.08))
        trial.kill_launcher()
        trial.start_launcher()
        time.sleep(random.uniform(0, 0.15))
        trial.kill_launcher()
        trial.start_launcher()
        until(lambda: all(each.state == "ready" for each in trial.state().instances))
    until(lambda: len(trial.processes()) == 8)  # a launcher, a zygote, six instances: nothing runs twice
    for name in names:
        assert trial.answer(name) in (str(trial.pid(name)), "none")


def hold_for_a_moment(trial: Trial, name: str, seconds: float) -> None:
    """So short that on a busy machine it is over before the launcher hears of it, which refuses it then."""
    try:
        trial.hold(name, seconds=seconds)
    except LauncherError as error:
        if "in the future" not in error.message:
            raise
