"""A file of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chaos.model.environment import EnvironmentRef
from chaos.model.experiment import Experiment
from chaos.model.gameday import GameDay
from chaos.model.objectives import Objectives
from chaos.spec.document import MappingNode, parse
from chaos.spec.environment import read_environment
from chaos.spec.experiment import read_experiment
from chaos.spec.gameday import Find, read_gameday
from chaos.spec.header import kind_of
from chaos.spec.objectives_file import read_objectives
from chaos.spec.plugins import Plugins
from chaos.spec.problems import Wrong
from chaos.spec.text import read_text


def load_file(
    path: Path, plugins: Plugins, variables: Mapping[str, str] | None = None, find: Find = Path
) -> Experiment | EnvironmentRef | GameDay | Objectives:
    """What the file holds by its `kind`; one that does not say is read as an experiment. Raises BadInput.

    `find` leads from the names in a game day to the files of its experiments.
    """
    text = read_text(path)
    kind = _kind(text)
    if kind == "Environment":
        return read_environment(text, str(path), plugins)
    if kind == "GameDay":
        return read_gameday(text, str(path), plugins, find)
    if kind == "Objectives":
        return read_objectives(text, str(path), plugins)
    return read_experiment(text, str(path), plugins, variables)


def _kind(text: str) -> str:
    try:
        root, _ = parse(text)
    except Wrong:
        return ""  # whoever reads it as an experiment says what is wrong
    return kind_of(root) if isinstance(root, MappingNode) else ""
