"""What the README shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.catalog import Catalog
from chaos.spec import read_experiment

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^\$ chaos (\w+)", README, re.MULTILINE)
LINKS = re.findall(r"\]\(([^)#]+)\)", README)


def test_its_experiment_is_read_without_a_complaint() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert read_experiment(text, "README.md", Catalog()).name == "one-catalog-dies"


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_its_commands_exist(command: str) -> None:
    assert (ROOT / "chaos" / "cli" / f"{command}.py").exists()


@pytest.mark.parametrize("link", sorted(set(LINKS)))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_its_exit_codes_are_the_ones_in_the_code() -> None:
    from chaos.model.errors import ExitCode

    told = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in row.split(",")}
    assert told == {code.value for code in ExitCode}
