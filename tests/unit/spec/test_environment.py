"""Environment files, and files of either kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.model.environment import EnvironmentRef
from chaos.model.errors import BadInput
from chaos.model.experiment import Experiment
from chaos.model.system import JSON
from chaos.spec import BadFile, load_environment, load_file
from chaos.spec.environment import read_environment
from tests.unit.spec.fakes import MINIMAL, PLUGINS

LOCAL = """\
apiVersion: chaos/v1
kind: Environment
name: my-laptop
type: local
armed: true
settings:
  state: /tmp/state.json
  retries: 3
"""


def read(text: str) -> EnvironmentRef:
    return read_environment(text, "e.yaml", PLUGINS)


def test_an_environment_says_how_to_open_it_and_whether_faults_are_allowed() -> None:
    assert read(LOCAL) == EnvironmentRef(
        kind="local",
        name="my-laptop",
        settings={"state": "/tmp/state.json", "retries": 3, "armed": True, "source": "e.yaml"},
    )


PARTS = """\
apiVersion: chaos/v1
kind: Environment
name: both
armed: true
parts:
  - {name: here, type: local, settings: {state: /tmp/state.json}}
  - {name: there, type: local}
"""


def test_an_environment_of_parts_arms_all_of_them() -> None:
    found = read(PARTS)
    common: dict[str, JSON] = {"armed": True, "source": "e.yaml"}
    assert (found.name, found.settings) == ("both", common)
    assert found.parts == (
        EnvironmentRef(kind="local", name="here", settings={"state": "/tmp/state.json", **common}),
        EnvironmentRef(kind="local", name="there", settings=common),
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("name: there", "name: here", "two parts are called here"),
        ("  - {name: there, type: local}\n", "", "parts are two environments or more"),
        ("armed: true", "type: local", 'an environment of parts has no key "type"'),
        ("type: local}", "type: lokal}", 'parts[1].type: there is no type of environment "lokal"'),
        ("type: local}", "type: local, armed: true}", 'a part of an environment has no key "armed"'),
    ],
)
def test_what_is_wrong_with_parts_is_said(old: str, new: str, says: str) -> None:
    with pytest.raises(BadFile) as raised:
        read(PARTS.replace(old, new))
    assert says in str(raised.value)


def test_what_does_not_say_armed_is_not_armed() -> None:
    assert read(LOCAL.replace("armed: true\n", "")).settings["armed"] is False


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("armed: true", "armed: yes", 'expected true or false, this is "yes"'),
        ("armed: true", "armd: true", 'did you mean "armed"?'),
        ("type: local", "type: locl", 'there is no type of environment "locl"'),
        ("type: local\n", "", "needs the key `type`"),
        ("  retries: 3", "  armed: true", "`armed` does not belong under settings"),
        ("Environment", "Experiment", "this is an experiment, expected an environment"),
        ("  retries: 3", "  retrys: 3", 'settings has no key "retrys"'),
        ("  retries: 3", "  retrys: 3", 'did you mean "retries"?'),
        ("  retries: 3", "  pause: 3", "3 has no unit"),
        ("  retries: 3", "  retries: many", '"many" is not a number'),
        ("settings:", "settings:\nsettings:", "is given twice"),
        ("apiVersion: chaos/v1\n", "", "begin with apiVersion: chaos/v1"),
    ],
)
def test_mistakes_are_told_with_their_place(old: str, new: str, says: str) -> None:
    assert old in LOCAL
    with pytest.raises(BadFile, match=r"e\.yaml:\d+:\d+: ") as caught:
        read(LOCAL.replace(old, new))
    assert says in str(caught.value)


def test_a_file_is_read_as_what_it_says_it_is(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text(LOCAL)
    assert load_file(path, PLUGINS) == load_environment(path, PLUGINS)
    path.write_text(MINIMAL)
    assert isinstance(load_file(path, PLUGINS), Experiment)
    path.write_text("not: [yaml")
    with pytest.raises(BadInput, match="not YAML"):
        load_file(path, PLUGINS)
