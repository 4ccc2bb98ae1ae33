"""What runs, as seen from outside the launcher: its word is not taken for a process that has ended meanwhile."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from target_platform.launcher.client import running_launcher
from target_platform.launcher.folder import Folder
from target_platform.launcher.process import Identity, is_alive
from target_platform.launcher.spec import InstanceStatus, ProxyStatus, State
from target_platform.launcher.state import read_state

Status = TypeVar("Status", InstanceStatus, ProxyStatus)


def status(folder: Folder) -> dict[str, Any]:
    """{"launcher": whether one runs, "ready": whether one does and everything is ready, "state": State or None}."""
    state = read_state(folder.state)
    if state is None:
        return {"launcher": False, "ready": False, "state": None}
    supervised = running_launcher(folder) is not None
    seen: State = msgspec.structs.replace(
        state,
        instances=tuple(_seen(each) for each in state.instances),
        proxies=tuple(_seen(each) for each in state.proxies),
    )
    resting = {each.name for each in seen.instances if each.rests}
    ready = supervised and all(each.state == "ready" or each.name in resting for each in seen.supervised)
    return {"launcher": supervised, "ready": ready, "state": msgspec.to_builtins(seen)}


def _seen(each: Status) -> Status:
    if each.pid is None or each.started is None or is_alive(Identity(each.pid, each.started)):
        return each
    return msgspec.structs.replace(each, state="stopped", pid=None, started=None)
