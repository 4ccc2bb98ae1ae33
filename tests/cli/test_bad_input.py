"""Bad input and bad luck: one clear sentence, the right exit code, nothing injected."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Injecting
from tests.local.small_system import SmallSystem
from tests.small_disk import small_disk

KILL_A_WEB = """
apiVersion: chaos/v1
kind: Experiment
name: kill-a-web
hypothesis: One web dies and the rest lives.
steadyState:
  - name: webs are alive
    probe: {process_alive: {service: web, every: 100ms}}
    target: ">= 50%"
    minSamples: 4
method:
  - fault: {kill: {}}
    target: {instance: {service: web}, amount: one}
    duration: 1s
recovery: 500ms
"""


def write(folder: Path, text: str, name: str = "experiment.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def injections(system: SmallSystem) -> int:
    return sum(isinstance(event, Injecting) for run in all_runs(system.home) for event in read(run.journal))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("hypothesis:", "hypotesis:"), ["experiment.yaml:5:1", "hypotesis", "did you mean", "hypothesis"]),
        (("duration: 1s", "duration: 1parsec"), ["experiment.yaml:14:15", "1parsec"]),
        (("kill: {}", "kil: {}"), ["experiment.yaml:12:13", "kil", "did you mean", "kill"]),
        (("service: web}, amount", "}, amount"), ["experiment.yaml:13:24"]),
        (("steadyState:", "steadyState: ["), ["experiment.yaml"]),
    ],
    ids=["misspelt key", "wrong unit", "unknown fault", "empty selector", "not YAML"],
)
def test_a_bad_file_is_refused_with_its_place(
    system: SmallSystem, tmp_path: Path, change: tuple[str, str], says: list[str]
) -> None:
    assert change[0] in KILL_A_WEB
    before = injections(system)
    done = system.chaos("run", write(tmp_path, KILL_A_WEB.replace(*change)))
    assert done.returncode == 2, done.stdout + done.stderr
    for words in says:
        assert words in done.stderr
    assert injections(system) == before


def test_an_empty_selection_is_refused(system: SmallSystem, tmp_path: Path) -> None:
    done = system.chaos(
        "run", write(tmp_path, KILL_A_WEB.replace("{service: web}, amount", "{service: billing}, amount"))
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "no instance matches service=billing" in done.stdout


def test_an_environment_that_is_not_armed_is_refused(system: SmallSystem, tmp_path: Path) -> None:
    environment = write(
        tmp_path,
        "apiVersion: chaos/v1\nkind: Environment\nname: production\ntype: local\narmed: false\n",
        "production.yaml",
    )
    done = system.chaos("run", write(tmp_path, KILL_A_WEB), "--environment", environment)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "not armed" in done.stdout


def test_a_system_that_is_not_up_is_refused_with_what_to_do(tmp_path: Path) -> None:
    nowhere = SmallSystem(tmp_path / "nowhere", 0)
    done = nowhere.chaos("run", write(tmp_path, KILL_A_WEB))
    assert done.returncode == 4, done.stdout + done.stderr
    assert "chaos platform up" in done.stdout + done.stderr


def test_a_second_run_on_the_same_environment_is_refused(system: SmallSystem, tmp_path: Path) -> None:
    file = write(tmp_path, KILL_A_WEB.replace("duration: 1s", "duration: 60s"))
    known = injections(system)
    first = system.start_chaos("run", file)
    try:
        deadline = time.monotonic() + 60
        while injections(system) == known and time.monotonic() < deadline:
            time.sleep(0.02)
        second = system.chaos("run", file)
        assert second.returncode == 4, second.stdout + second.stderr
        assert "another run is under way" in second.stdout
        assert first.poll() is None, "it goes on"
    finally:
        first.send_signal(signal.SIGINT)
        output, _ = first.communicate(timeout=60)
    assert first.returncode == 130, output
    assert system.broken() == []


def test_a_port_in_use_is_one_sentence_and_nothing_is_left_running(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 27203)):
        small = SmallSystem(tmp_path / "home", 27200)
        with pytest.raises(AssertionError, match=r"port 27203.*already in use"):
            small.start()
    assert list((small.home / "platform" / "pids").glob("*")) == []


def test_a_full_disk_is_refused_before_anything_is_injected(system: SmallSystem, tmp_path: Path) -> None:
    with small_disk(tmp_path / "full", 2**20) as full:
        environment = write(
            tmp_path,
            "apiVersion: chaos/v1\nkind: Environment\nname: small\ntype: local\narmed: true\n"
            f"settings: {{state: {system.home}/platform/state.json}}\n",
            "small.yaml",
        )
        done = subprocess.run(
            system.command("run", write(tmp_path, KILL_A_WEB), "--environment", environment),
            env={**os.environ, "STEADFAST_HOME": str(full)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "MiB are free" in done.stdout
    assert system.broken() == []


def test_unknown_names_are_met_with_the_nearest_known_one(system: SmallSystem) -> None:
    done = system.chaos("run", "dead-egde")
    assert done.returncode == 2
    assert "dead-edge" in done.stderr
    done = system.chaos("platform", "up", "--weaken", "no-edge-failver")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no-edge-failover" in done.stderr
