"""The experiments, environments, game days and charts that come with Steadfast, found by bare name."""

from __future__ import annotations

from pathlib import Path

from chaos.model.errors import BadInput

ENVIRONMENTS = "environments"
GAMEDAYS = "gamedays"


def experiments_dir() -> Path:
    """Where they are: beside this file in an installed wheel, experiments/ at the root of a checkout."""
    installed = Path(__file__).parent / "experiments"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "experiments"


def chart_dir(name: str) -> Path:
    """A Helm chart's folder: beside this file in an installed wheel, below helm/ at the root of a checkout."""
    installed = Path(__file__).parent / "helm"
    return (installed if installed.is_dir() else Path(__file__).parents[2] / "helm") / name


def find(name: str) -> Path:
    """An experiment's file, by its path or by the bare name of a shipped one. Raises BadInput."""
    return _find(name, shipped_experiments(), "experiment")


def find_environment(name: str) -> Path:
    """An environment's file, by its path or by the bare name of a shipped one. Raises BadInput."""
    return _find(name, shipped_environments(), "environment")


def find_gameday(name: str) -> Path:
    """A game day's file, by its path or by the bare name of a shipped one. Raises BadInput."""
    return _find(name, shipped_gamedays(), "game day")


def find_any(name: str) -> Path:
    """The file of an experiment, an environment or a game day, likewise. Raises BadInput."""
    shipped = {**shipped_environments(), **shipped_gamedays(), **shipped_experiments()}
    return _find(name, shipped, "experiment, environment or game day")


def shipped_experiments() -> dict[str, Path]:
    """All shipped experiments by bare name, e.g. "dead-edge"."""
    return {path.stem: path for path in _files(experiments_dir()) if path.parent.name not in (ENVIRONMENTS, GAMEDAYS)}


def shipped_environments() -> dict[str, Path]:
    """All shipped environments by bare name, e.g. "local"."""
    return {path.stem: path for path in _files(experiments_dir() / ENVIRONMENTS)}


def shipped_gamedays() -> dict[str, Path]:
    """All shipped game days by bare name, e.g. "first-game-day"."""
    return {path.stem: path for path in _files(experiments_dir() / GAMEDAYS)}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.yaml"))


def _find(name: str, shipped: dict[str, Path], what: str) -> Path:
    path = Path(name)
    if path.is_file() or (path.exists() and name not in shipped):
        return path  # a directory or a pipe given by path: reading it says what is wrong with it, if anything is
    if name in shipped:
        return shipped[name]
    from chaos.spec import suggest  # only now: it is needed for the sentence alone

    given = suggest.hint(path.stem, shipped, "shipped")
    raise BadInput(f"there is no file {name} and no shipped {what} of that name", given)
