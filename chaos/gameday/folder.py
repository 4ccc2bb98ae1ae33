"""Where sessions are kept: STEADFAST_HOME/gamedays/SESSION/, with the page and the JSON."""

from __future__ import annotations

from pathlib import Path

from chaos.journal.runs import run_id
from chaos.model.errors import ChaosError
from chaos.model.home import steadfast_home


def create(name: str, now: float) -> Path:
    """Make the folder of a new session; `now` is epoch seconds. Raises ChaosError when that cannot be done."""
    folder = steadfast_home() / "gamedays" / run_id(name, now)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ChaosError(
            f"cannot make the folder of the game day, {folder}: {error.strerror}",
            "nothing was injected; free some space, or set STEADFAST_HOME to a folder you can write to",
        ) from error
    return folder
