"""A kill switch that anybody with a shell can pull."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from chaos.model.guardrail import Go, Situation, Stop


class StopFile(Struct, frozen=True, kw_only=True):
    """Stop when a file exists. A folder that cannot be looked into stops as well: the switch could not be seen there.

    A relative path starts at the directory the command was started in.
    """

    path: Annotated[str, Meta(examples=["/tmp/stop-chaos"])]

    def check(self, situation: Situation) -> Go | Stop:
        path = Path(self.path).expanduser()
        try:
            os.lstat(path)
        except FileNotFoundError:
            return _go_if_readable(path.parent)
        except OSError as error:
            return Stop(f"cannot tell whether {path} exists: {error.strerror}")
        return Stop(f"{path} exists")


def _go_if_readable(folder: Path) -> Go | Stop:
    try:
        os.listdir(folder)
    except OSError as error:
        return Stop(f"the stop file's folder {folder} cannot be read: {error.strerror}")
    return Go()
