"""Weakens a running platform for as long as somebody holds on to our standard input."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from target_platform.launcher.bundled import effective
from target_platform.launcher.client import ask, connected, exchange, running_launcher
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder

ANSWER_SECONDS = 60.0
RESTORED_SECONDS = 60.0


def weaken(folder: Folder, names: Sequence[str], held: BinaryIO, tell: Callable[[dict[str, Any]], None]) -> None:
    """Apply the weaknesses on top of what is in force, say so, and take them back when `held` reaches its end.

    The launcher binds them to our connection: they end too if this process dies, however it dies.
    Raises LauncherError when the platform is not up or the launcher refuses.
    """
    if running_launcher(folder) is None:
        raise LauncherError("the platform is not up", "start it with `chaos platform up`")
    before = ask(folder, {"op": "status"}, ANSWER_SECONDS)["state"]["weakened"]
    wanted = [*before, *(name for name in names if name not in before)]
    with connected(folder, ANSWER_SECONDS) as connection:
        exchange(folder, connection, {"op": "weaken", "weakened": wanted, "policies": effective(wanted)})
        tell({"event": "weakened", "weakened": wanted})
        held.read()
    _until_restored(folder, before)
    tell({"event": "restored", "weakened": before})


def _until_restored(folder: Folder, before: list[str]) -> None:
    deadline = time.monotonic() + RESTORED_SECONDS
    while True:
        state = ask(folder, {"op": "status"}, ANSWER_SECONDS)["state"]
        ready = all(each["state"] in ("ready", "held down") for each in state["instances"])
        if state["weakened"] == before and ready:
            return
        if time.monotonic() > deadline:
            raise LauncherError("the weaknesses were not taken back", f"see {folder.launcher_log}", "failed")
        time.sleep(0.05)
