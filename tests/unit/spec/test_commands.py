"""`chaos validate` and `chaos catalog`."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from chaos.cli import catalog, validate
from chaos.model.errors import BadInput

SOUND = """\
apiVersion: chaos/v1
kind: Experiment
name: calm
hypothesis: ${what} holds
steadyState:
  - {name: served, probe: {load_ratio: {request: home}}, target: ">= 99%"}
load: {locustfile: viewers, users: 3}
"""


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command("validate")(validate.validate)
    app.add_typer(catalog.app, name="catalog")
    return app


def test_files_that_can_be_used_are_told_and_the_exit_code_is_0(app: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "calm.yaml"
    path.write_text(SOUND)
    done = CliRunner().invoke(app, ["validate", str(path), str(path), "--var", "what=it"])
    assert (done.exit_code, done.stdout) == (0, f"{path}: ok, experiment calm\n" * 2)


def test_all_files_are_read_and_one_bad_one_makes_the_exit_code_2(app: typer.Typer, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SOUND)
    bad.write_text(SOUND.replace("users: 3", "users: 0").replace("99%", "990%"))
    done = CliRunner().invoke(app, ["validate", str(bad), "nowhere", str(good), "--var", "what=it"])
    assert done.exit_code == 2
    assert f"{good}: ok" in done.stdout
    assert f"{bad}: 2 problems" in done.stderr
    assert f"{bad}:6:66: steadyState[0].target: " in done.stderr
    assert "there is no file nowhere" in done.stderr
    assert "2 of 3 files cannot be used" in done.stderr


def test_a_variable_that_is_no_pair_is_bad_input(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["validate", "any", "--var", "what"])
    assert isinstance(done.exception, BadInput)
    assert "--var what is not NAME=VALUE" in str(done.exception)


def test_the_catalogue_lists_kinds_and_shows_one_with_an_example(app: typer.Typer) -> None:
    listed = CliRunner().invoke(app, ["catalog", "guardrails"])
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [
        "armed",
        "blast_radius",
        "hours",
        "objective_floor",
        "stop_file",
    ]
    shown = CliRunner().invoke(app, ["catalog", "probes", "load_ratio"])
    assert "request  text; must be given" in shown.stdout
    assert "probe: {load_ratio: {request: TEXT}}" in shown.stdout


def test_the_catalogue_answers_a_slip_with_what_was_meant(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["catalog", "probes", "load_ration"])
    assert isinstance(done.exception, BadInput)
    assert 'did you mean "load_ratio"' in str(done.exception)


def test_the_environments_are_types_and_shipped_files(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["catalog", "environments"])
    assert done.stdout.startswith("types: ")
    assert "local.yaml" in done.stdout
