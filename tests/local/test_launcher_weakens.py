"""Other policies for as long as somebody asks for them, and not a moment longer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from target_platform.launcher.errors import LauncherError
from target_platform.launcher.launch_file import read_spec
from tests.local.launcher_trial import Trial, bundled, server, until


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path / "platform")
    policies = trial.folder.policies("")
    policies.parent.mkdir(parents=True)
    policies.write_text("healthy")
    trial.launch(server("own"), bundled("a", policies), bundled("b", policies))
    yield trial
    trial.close()


@contextmanager
def weakening(trial: Trial, policies: str) -> Iterator[dict[str, Any]]:
    """Ask for other policies and keep the connection open; the answer."""
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as lines:
        connection.settimeout(40)
        connection.connect(str(trial.folder.socket("control")))
        connection.sendall(json.dumps({"op": "weaken", "weakened": ["w"], "policies": policies}).encode() + b"\n")
        yield json.loads(lines.readline())


def test_weakened_policies_are_in_force_until_the_connection_closes(trial: Trial) -> None:
    own = trial.pid("own")
    with weakening(trial, "weak") as answer:
        assert answer == {"ok": True}
        assert (trial.answer("a"), trial.answer("b"), trial.state().weakened) == ("weak", "weak", ("w",))
    until(lambda: trial.state().weakened == ())
    trial.until_ready()
    assert (trial.answer("a"), trial.answer("b")) == ("healthy", "healthy")
    assert trial.pid("own") == own
    assert trial.instance("a").restarts == 0


def test_a_held_instance_stays_down_while_policies_change(trial: Trial) -> None:
    trial.hold("a")
    with weakening(trial, "weak") as answer:
        assert answer == {"ok": True}
        assert trial.instance("a").state == "held down"
        trial.release("a")
        trial.until_ready("a")
        assert trial.answer("a") == "weak"


def test_only_one_at_a_time_may_weaken(trial: Trial) -> None:
    with weakening(trial, "weak") as first, weakening(trial, "weaker") as second:
        assert first["ok"]
        assert "somebody else" in second["error"]
        assert trial.answer("a") == "weak"


def test_policies_under_which_services_do_not_start_are_taken_back(trial: Trial) -> None:
    with weakening(trial, "broken") as answer:
        assert "under these policies a, b did not become ready" in answer["error"]
        until(lambda: trial.state().weakened == ())
        trial.until_ready()
        assert trial.answer("a") == "healthy"
    assert "these policies cannot be read" in trial.folder.log("a", "r1").read_text()


def test_a_launcher_that_dies_while_weakened_is_followed_by_healthy_policies(trial: Trial) -> None:
    with weakening(trial, "weak"):
        trial.kill_launcher()
    assert trial.answer("a") == "weak"
    trial.start_launcher()
    until(lambda: trial.state().weakened == ())
    trial.until_ready()
    assert (trial.answer("a"), trial.answer("b")) == ("healthy", "healthy")


def test_lasting_policies_outlive_the_connection_and_the_launcher(trial: Trial) -> None:
    trial.ask("weaken", weakened=["w"], policies="weak", lasting=True)
    assert trial.answer("a") == "weak"
    assert read_spec(trial.folder).weakened == ("w",)
    trial.kill_launcher()
    trial.start_launcher()
    trial.until_ready()
    assert (trial.answer("a"), trial.state().weakened) == ("weak", ("w",))


def test_after_down_the_healthy_policies_are_back(trial: Trial) -> None:
    with weakening(trial, "weak"):
        with pytest.raises(LauncherError):
            trial.ask("weaken", weakened=[], policies="x", lasting=True)
        trial.ask("down")
    assert trial.folder.policies("").read_text() == "healthy"
