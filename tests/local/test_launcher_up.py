"""`up`, `status` and `down` as programs call them: JSON lines, exit codes, safe to repeat."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from target_platform.launcher.spec import InstanceSpec, LaunchSpec
from target_platform.launcher.up import Wanted, up
from tests.local.launcher_trial import PORTS, Trial, bundled, server


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(tmp_path / "platform")
    yield trial
    trial.command_line("down")
    trial.close()


def spec_file(trial: Trial, *instances: InstanceSpec) -> str:
    path = trial.folder.home.parent / "spec.json"
    path.write_bytes(msgspec.json.encode(LaunchSpec(name="trial", regions=("r1",), instances=instances)))
    return str(path)


def events(said: list[dict[str, Any]]) -> list[str]:
    return [each.get("launcher", each["event"]) for each in said if each["event"] != "ready"]


def test_up_is_safe_to_repeat_and_takes_over_from_a_dead_launcher(trial: Trial) -> None:
    file = spec_file(trial, server("a"), server("b"))
    code, said = trial.command_line("up", "--spec", file)
    assert (code, events(said)) == (0, ["new", "up"])
    assert said[-2] == {"event": "ready", "ready": 2, "total": 2}
    pids = [trial.pid("a"), trial.pid("b")]

    code, said = trial.command_line("up", "--spec", file)
    assert (code, events(said)) == (0, ["running", "up"])

    os.kill(trial.state().launcher["pid"], signal.SIGKILL)
    code, said = trial.command_line("up", "--spec", file)
    assert (code, events(said)) == (0, ["adopting", "up"])
    assert [trial.pid("a"), trial.pid("b")] == pids


def test_another_system_is_refused_while_one_is_up(trial: Trial) -> None:
    trial.command_line("up", "--spec", spec_file(trial, server("a")))
    pid = trial.pid("a")
    code, said = trial.command_line("up", "--spec", spec_file(trial, server("b")))
    assert (code, said[-1]["kind"]) == (4, "refused")
    assert trial.pid("a") == pid


def test_up_says_which_port_is_in_use_and_leaves_nothing_running(trial: Trial) -> None:
    instance = server("a")
    with socket.create_server(("127.0.0.1", instance.port)):
        code, said = trial.command_line("up", "--spec", spec_file(trial, server("b"), instance))
    assert (code, said[-1]["event"], said[-1]["kind"]) == (4, "error", "refused")
    assert f"port {instance.port}" in said[-1]["message"]
    assert trial.processes() == []


def test_up_does_not_wait_for_what_dies_again_and_again_and_quotes_its_log(trial: Trial) -> None:
    crash = (sys.executable, "-S", "-c", "raise SystemExit('the reason')")
    doomed = InstanceSpec(name="a", service="s", region="r1", port=next(PORTS), command=crash)
    code, said = trial.command_line("up", "--spec", spec_file(trial, server("b"), doomed))
    assert (code, said[-1]["kind"]) == (3, "failed")
    assert "a (" in said[-1]["message"]
    assert said[-1]["hint"].endswith("a.log ends with: the reason")


def test_a_file_that_is_no_launch_spec_is_bad_input(trial: Trial) -> None:
    file = trial.folder.home.parent / "spec.json"
    file.write_text('{"name": "trial", "regions": []}')
    code, said = trial.command_line("up", "--spec", str(file))
    assert (code, said[-1]["kind"]) == (2, "bad input")
    assert "instances" in said[-1]["message"]


def test_status_is_green_only_when_every_instance_is_ready_and_supervised(trial: Trial) -> None:
    assert trial.command_line("status") == (3, [{"event": "status", "launcher": False, "ready": False, "state": None}])
    trial.command_line("up", "--spec", spec_file(trial, server("a")))
    code, said = trial.command_line("status")
    assert (code, said[-1]["ready"], said[-1]["state"]["instances"][0]["state"]) == (0, True, "ready")
    trial.hold("a")
    assert trial.command_line("status")[0] == 3
    trial.release("a")
    trial.until_ready()
    os.kill(trial.state().launcher["pid"], signal.SIGKILL)
    code, said = trial.command_line("status")
    assert (code, said[-1]["launcher"], said[-1]["state"]["instances"][0]["state"]) == (3, False, "ready")
    os.kill(trial.pid("a"), signal.SIGKILL)
    code, said = trial.command_line("status")
    assert said[-1]["state"]["instances"][0]["state"] == "stopped"


def test_up_with_other_weaknesses_restarts_the_services_under_them(trial: Trial) -> None:
    instance = bundled("a", trial.folder.policies(""))
    trial.folder.policies("").parent.mkdir(parents=True)
    trial.folder.policies("").write_text("healthy")
    trial.launch(instance, server("own"))
    own = trial.pid("own")
    spec = msgspec.structs.replace(
        msgspec.json.decode(trial.folder.spec.read_bytes(), type=LaunchSpec), weakened=("w",)
    )
    said: list[dict[str, Any]] = []
    state = up(trial.folder, Wanted(spec, "weak"), said.append)
    assert (state.weakened, trial.answer("a"), trial.pid("own")) == (("w",), "weak", own)
    assert events(said) == ["running", "policies"]
    up(trial.folder, Wanted(spec, "weak"), said.append)
    assert events(said).count("policies") == 1
