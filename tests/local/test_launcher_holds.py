"""An instance can be held down and let go, and a hold ends by itself."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from target_platform.launcher.errors import LauncherError
from target_platform.launcher.spec import State
from tests.local.launcher_trial import Trial, server, until


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path / "platform")
    yield trial
    trial.close()


def test_when_a_hold_is_answered_the_processes_are_gone_and_the_state_file_says_so(trial: Trial) -> None:
    trial.launch(server("a"), server("b"), server("c"))
    pids = [trial.pid("a"), trial.pid("b")]
    trial.hold("a", "b")
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    for name in ("a", "b"):
        assert (trial.instance(name).state, trial.instance(name).pid) == ("held down", None)
        with pytest.raises(ConnectionRefusedError):
            trial.answer(name)
    assert trial.answer("c") == str(trial.pid("c"))


def test_a_held_instance_stays_down_until_it_is_released(trial: Trial) -> None:
    trial.launch(server("a"))
    trial.hold("a")
    time.sleep(0.3)
    assert trial.instance("a").state == "held down"
    trial.release("a")
    assert trial.instance("a").held_until is None
    assert trial.instance("a").pid is not None
    trial.until_ready("a")
    assert trial.instance("a").restarts == 0


def test_what_two_hold_stays_down_until_both_have_let_go(trial: Trial) -> None:
    trial.launch(server("a"))
    for holder in ("kill", "outage"):
        trial.ask("hold", instances=["a"], holder=holder, until=time.time() + 60)
    trial.ask("release", instances=["a"], holder="outage")
    time.sleep(0.2)
    assert trial.instance("a").state == "held down"
    assert list(trial.instance("a").holders) == ["kill"]
    trial.ask("release", instances=["a"], holder="kill")
    trial.until_ready("a")


def test_a_hold_ends_by_itself(trial: Trial) -> None:
    trial.launch(server("a"))
    before = trial.pid("a")
    ends_at = trial.hold_briefly("a")
    until(lambda: trial.instance("a").state == "ready")
    assert time.time() >= ends_at
    assert trial.pid("a") != before


def test_holding_again_sets_a_new_end_and_releasing_again_does_nothing(trial: Trial) -> None:
    trial.launch(server("a"))
    ends_at = trial.hold_briefly("a")
    trial.hold("a", seconds=60)
    until(lambda: time.time() > ends_at + 0.2)
    assert trial.instance("a").state == "held down"
    trial.release("a")
    trial.until_ready("a")
    pid = trial.pid("a")
    trial.release("a")
    assert trial.pid("a") == pid


def test_a_paused_instance_can_be_held(trial: Trial) -> None:
    trial.launch(server("a"))
    os.kill(trial.pid("a"), signal.SIGSTOP)
    trial.hold("a")
    assert trial.instance("a").pid is None


def test_what_cannot_be_held_is_refused_with_a_sentence_and_nothing_is_killed(trial: Trial) -> None:
    trial.launch(server("a"))
    pid = trial.pid("a")
    with pytest.raises(LauncherError, match="no instance is called nobody"):
        trial.hold("a", "nobody")
    with pytest.raises(LauncherError, match="in the future"):
        trial.hold("a", seconds=-1)
    with pytest.raises(LauncherError, match="not understood"):
        trial.ask("hold", instances="a")
    trial.folder.holds.mkdir()  # as good as a full disk: the hold cannot be written down
    with pytest.raises(LauncherError, match="cannot be written"):
        trial.hold("a")
    trial.folder.holds.rmdir()
    assert trial.pid("a") == pid


def test_a_new_launcher_respects_a_hold_and_ends_it(trial: Trial) -> None:
    trial.launch(server("a"), server("b"))
    for seconds in (1.0, 5.0, 25.0):  # a busy machine may take longer to start a launcher than the hold lasts
        trial.hold("a", seconds=seconds)
        end = trial.instance("a").held_until or 0.0
        trial.kill_launcher()
        trial.start_launcher()
        trial.until_ready()
        held, now = trial.instance("a"), time.time()
        if now < end:
            break
    assert now < end
    assert (held.state, held.held_until, trial.instance("b").state) == ("held down", end, "ready")
    until(lambda: trial.instance("a").state == "ready")
    assert time.time() >= end


def test_what_is_kept_in_reserve_rests_until_it_is_called_up_and_can_be_sent_back(trial: Trial) -> None:
    trial.launch(server("a"), msgspec.structs.replace(server("b"), reserve=True))
    assert (trial.instance("b").state, trial.instance("b").rests, trial.instance("b").pid) == ("held down", True, None)
    assert trial.command_line("status")[0] == 0, "all is ready that is to be"
    trial.ask("release", instances=["b"], holder="reserve")
    trial.until_ready("b")
    assert trial.answer("b") == str(trial.pid("b"))
    trial.kill_launcher()
    trial.start_launcher()
    trial.until_ready()
    assert not trial.instance("b").rests, "a new launcher leaves what serves"
    trial.ask("hold", instances=["b"], holder="reserve", until=time.time() + 600)
    assert (trial.instance("b").rests, trial.instance("b").pid) == (True, None)


def test_a_hold_that_ran_out_without_a_launcher_is_over_when_the_next_one_comes(trial: Trial) -> None:
    trial.launch(server("a"))
    ends_at = trial.hold_briefly("a")
    trial.kill_launcher()
    until(lambda: time.time() > ends_at)
    trial.start_launcher()
    trial.until_ready("a")
    assert trial.instance("a").held_until is None
    assert trial.answer("a") == str(trial.pid("a"))


def test_a_reader_of_the_state_file_never_sees_half_of_it(trial: Trial) -> None:
    trial.launch(*(server(f"a-{number}") for number in range(6)))
    stop, seen, torn = threading.Event(), 0, []

    def read() -> None:
        nonlocal seen
        while not stop.is_set():
            try:
                msgspec.json.decode(trial.folder.state.read_bytes(), type=State)
                seen += 1
            except (OSError, msgspec.DecodeError) as error:
                torn.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(5):
            trial.hold("a-0", "a-1", "a-2")
            trial.release("a-0", "a-1", "a-2")
            os.kill(victim := trial.pid("a-5"), signal.SIGKILL)
            until(partial(is_another_than, trial, "a-5", victim))
            trial.hold("a-5")
            trial.release("a-5")
            trial.until_ready("a-5")
    finally:
        stop.set()
        reader.join()
    assert torn == []
    assert seen > 20


def is_another_than(trial: Trial, name: str, pid: int) -> bool:
    return trial.instance(name).pid != pid
