"""What `chaos init` writes can be read as it stands, and never replaces anything."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chaos.catalog import Catalog
from chaos.environments.local.own import launch_spec, settings_of
from chaos.model.errors import BadInput
from chaos.model.experiment import FaultStep
from chaos.spec import load_environment, load_experiment
from chaos.starter import Answers, Calls, Service, write

SERVE = f"{sys.executable} -m http.server {{port}}"
STORE = Service("store", SERVE, 28200, "none")
SHOP = Service("shop", SERVE, 28201, "/")


def faults(file: Path) -> list[str]:
    steps = load_experiment(file, Catalog()).method
    return [step.fault.kind for step in steps if isinstance(step, FaultStep)]


def test_a_system_with_a_call_is_asked_about_that_call(tmp_path: Path) -> None:
    environment, experiment = write(
        tmp_path / "my shop", Answers((STORE, SHOP), (Calls("shop", "store", "STORE", "s://{address}"),))
    )
    ref = load_environment(environment, Catalog())
    assert ref.name == "my-shop"
    assert ref.settings["armed"] is True
    (call,) = settings_of(ref).processes[1].calls
    assert (call.variable, call.value) == ("STORE", "s://{address}")
    spec: Any = launch_spec(ref)
    assert len(spec["links"]) == 1
    assert faults(experiment) == ["latency"]


@pytest.mark.parametrize("only", [STORE, SHOP])
def test_a_single_service_is_asked_whether_it_comes_back(only: Service, tmp_path: Path) -> None:
    _, experiment = write(tmp_path, Answers((only,)))
    assert faults(experiment) == ["kill"]


def test_commands_run_where_they_were_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    monkeypatch.chdir(tmp_path / "code")
    environment, _ = write(Path("../trial"), Answers((SHOP,)))
    spec: Any = launch_spec(load_environment(environment, Catalog()))
    assert spec["instances"][0]["directory"] == str(tmp_path / "code")


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "first-experiment.yaml").write_text("mine")
    with pytest.raises(BadInput, match="is not overwritten"):
        write(tmp_path, Answers((SHOP,)))
    assert [path.name for path in tmp_path.iterdir()] == ["first-experiment.yaml"]
    assert (tmp_path / "first-experiment.yaml").read_text() == "mine"
    with pytest.raises(BadInput, match="port 28200 is given to store and to other"):
        write(tmp_path / "new", Answers((STORE, Service("other", SERVE, 28200))))
    with pytest.raises(BadInput, match="which no process offers"):
        write(tmp_path / "new", Answers((SHOP,), (Calls("shop", "nobody", "X"),)))
    assert not (tmp_path / "new").exists()


def test_a_person_is_asked_one_question_after_the_other(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    answers = ["store", SERVE, "28200", "/", "y", "shop", SERVE, "28201", "/", "n", "n", "y", "STORE"]
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    command = [sys.executable, "-c", "from chaos.cli import main; main()", "init", str(tmp_path / "made")]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Does shop call store?" in done.stdout
    assert settings_of(load_environment(tmp_path / "made" / "environment.yaml", Catalog())).processes[1].calls


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nobody can be asked"),
        (["--command", "a", "--command", "b", "--port", "1"], "each command needs its own"),
        (["--command", "a"], "1 --command and 0 --port"),
        (["--command", "a", "--port", "1", "--calls", "b"], "is not CALLER:SERVICE:VARIABLE"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str], says: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from chaos.cli import main; main()", "init", str(tmp_path), *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert says in done.stderr
