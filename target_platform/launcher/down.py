"""Takes a system down, also one whose launcher is dead."""

from __future__ import annotations

import time

import msgspec

from target_platform.launcher.client import ask, running_launcher
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder, replace_file
from target_platform.launcher.process import Identity, is_alive, stop_all
from target_platform.launcher.spec import State
from target_platform.launcher.state import read_state
from target_platform.launcher.system import stop_everything

ANSWER_SECONDS = 20.0


def down(folder: Folder) -> bool:
    """Return when no process is left; whether there was anything to stop. A launcher that does not answer is killed."""
    launcher = running_launcher(folder)
    if launcher is not None:
        try:
            ask(folder, {"op": "down"}, ANSWER_SECONDS)
            _wait_gone(launcher)
        except LauncherError:
            stop_all([launcher], 0)  # hung or dying: what it kept running is stopped below
    left = stop_everything(folder)
    left += _stop_listed(folder)
    folder.clear_sockets()
    return launcher is not None or left > 0


def _stop_listed(folder: Folder) -> int:
    """What the state file lists, by pid and start time; then say in it that nothing runs."""
    state = read_state(folder.state)
    if state is None:
        return 0
    listed = [Identity(each.pid, each.started) for each in state.supervised if each.pid and each.started]
    alive = [identity for identity in listed if is_alive(identity)]
    stop_all(alive, 0)
    replace_file(folder.state, msgspec.json.encode(_as_stopped(state)))
    return len(alive)


def _as_stopped(state: State) -> State:
    gone = {"state": "stopped", "pid": None, "started": None}
    return msgspec.structs.replace(
        state,
        instances=tuple(msgspec.structs.replace(each, held_until=None, holders={}, **gone) for each in state.instances),
        proxies=tuple(msgspec.structs.replace(each, **gone) for each in state.proxies),
        zygote=None,
    )


def _wait_gone(launcher: Identity) -> None:
    deadline = time.monotonic() + 5.0
    while is_alive(launcher) and time.monotonic() < deadline:
        time.sleep(0.005)
    stop_all([launcher], 0)
