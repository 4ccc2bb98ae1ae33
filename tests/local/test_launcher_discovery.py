"""What a region's services are told about who exists: at once who is ready, late who is not, and never by halves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from target_platform.kit.list_file import Named
from target_platform.launcher.discovery import HEARTBEAT_SECONDS, LEAVES_AFTER_SECONDS
from target_platform.launcher.errors import LauncherError
from tests.local.launcher_trial import Trial, briefly, server, until


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path / "platform")
    yield trial
    trial.close()


def listed(trial: Trial, region: str = "r1") -> Named:
    """As the services read it."""
    return msgspec.json.decode(trial.folder.discovery(region).read_bytes(), type=Named)


def spoil_briefly(trial: Trial) -> float:
    """Empty the list for a moment; when that ends."""
    spoilt = {"region": "r1", "how": "empty", "holder": "a fault"}
    return briefly(lambda until: trial.ask("spoil_discovery", **spoilt, until=until))


def spoil(trial: Trial, how: str, seconds: float, holder: str = "a fault") -> None:
    trial.ask("spoil_discovery", region="r1", how=how, holder=holder, until=time.time() + seconds)


def test_a_list_names_who_is_ready_is_written_again_and_again_and_keeps_for_a_while_who_is_gone(trial: Trial) -> None:
    trial.launch(server("a"), server("b", region="r2"), discovery=True)
    first = listed(trial)
    assert set(first.instances) == {"a", "b"}
    assert listed(trial, "r2").instances == first.instances
    held_at = time.time()
    trial.hold("a")
    until(lambda: listed(trial).as_of > max(held_at, first.as_of + HEARTBEAT_SECONDS / 2))
    after = listed(trial)
    assert "a" in after.instances or after.as_of > held_at + LEAVES_AFTER_SECONDS, "retries survive a short death"


def test_a_list_can_be_emptied_and_stopped_by_several_and_is_whole_when_all_have_let_go(trial: Trial) -> None:
    trial.launch(server("a"), discovery=True)
    spoil(trial, "stale", 60, "one")
    before = listed(trial)
    spoil(trial, "empty", 60, "another")
    assert listed(trial).instances == ()
    assert set(trial.state().discovery[0].spoilt_by) == {"one", "another"}
    trial.ask("restore_discovery", region="r1", holder="another")
    time.sleep(HEARTBEAT_SECONDS + 0.2)
    assert listed(trial) == before, "it stands still"
    trial.ask("restore_discovery", region="r1", holder="one")
    assert listed(trial).as_of > before.as_of
    trial.ask("restore_discovery", region="r1", holder="one")


def test_a_spoilt_list_survives_its_launcher_and_ends_by_itself(trial: Trial) -> None:
    trial.launch(server("a"), discovery=True)
    for seconds in (1.0, 5.0, 25.0):  # a busy machine may take longer to start a launcher than the list is spoilt
        spoil(trial, "empty", seconds)
        ends_at = trial.state().discovery[0].spoilt_by["a fault"]
        trial.kill_launcher()
        trial.start_launcher()
        trial.until_ready("a")
        still, now = listed(trial).instances, time.time()
        if now < ends_at:
            break
    assert now < ends_at
    assert still == ()
    until(lambda: listed(trial).instances == ("a",))
    assert time.time() >= ends_at
    until(lambda: trial.state().discovery[0].spoilt_by == {})


def test_what_ran_out_without_a_launcher_is_over_and_nobody_is_dropped_meanwhile(trial: Trial) -> None:
    trial.launch(server("a"), discovery=True)
    ends_at = spoil_briefly(trial)
    trial.kill_launcher()
    until(lambda: time.time() > ends_at)
    trial.start_launcher()
    until(lambda: listed(trial).instances != ())
    assert listed(trial).instances == ("a",)


def test_what_cannot_be_spoilt_is_refused_with_a_sentence(trial: Trial) -> None:
    trial.launch(server("a"), discovery=True)
    with pytest.raises(LauncherError, match="in the future"):
        spoil(trial, "empty", -1)
    with pytest.raises(LauncherError, match="no list of instances is written for 'nowhere'"):
        trial.ask("restore_discovery", region="nowhere")
    trial.folder.spoilt_discovery.mkdir()  # as good as a full disk
    with pytest.raises(LauncherError, match="cannot be written"):
        spoil(trial, "empty", 60)
    trial.folder.spoilt_discovery.rmdir()
    assert listed(trial).instances == ("a",)


def test_what_stands_still_may_be_the_list_as_it_was_before(trial: Trial) -> None:
    trial.launch(server("a"), server("b"), discovery=True)
    trial.hold("b")
    trial.kill_launcher()
    trial.folder.discovery("r1").unlink()
    trial.start_launcher()  # it remembers nothing of b
    until(lambda: trial.folder.discovery("r1").exists() and listed(trial).instances == ("a",))
    then = time.time()
    until(lambda: time.time() > then + 0.5)  # so late may the launcher hear what is asked of it below
    trial.release("b")
    until(lambda: listed(trial).instances == ("a", "b"))
    behind_seconds = (began := time.time()) - then
    trial.ask("spoil_discovery", region="r1", how="stale", until=began + 60, behind_seconds=behind_seconds)
    assert began <= listed(trial).as_of + behind_seconds <= time.time()
    assert listed(trial).instances == ("a",), "as of then, when b was not ready"
