"""What runs, as seen from outside the launcher: its word is not taken for a process that has ended meanwhile."""

from __future__ import annotations

from typing import Any

import msgspec

from target_platform.launcher.client import running_launcher
from target_platform.launcher.folder import Folder
from target_platform.launcher.process import Identity, is_alive
from target_platform.launcher.spec import InstanceStatus, State
from target_platform.launcher.state import read_state


def status(folder: Folder) -> dict[str, Any]:
    """{"launcher": whether one runs, "ready": whether it does and all instances are ready, "state": State or None}."""
    state = read_state(folder.state)
    if state is None:
        return {"launcher": False, "ready": False, "state": None}
    supervised = running_launcher(folder) is not None
    seen: State = msgspec.structs.replace(state, instances=tuple(_seen(each) for each in state.instances))
    ready = supervised and all(each.state == "ready" for each in seen.instances)
    return {"launcher": supervised, "ready": ready, "state": msgspec.to_builtins(seen)}


def _seen(instance: InstanceStatus) -> InstanceStatus:
    if instance.pid is None or instance.started is None or is_alive(Identity(instance.pid, instance.started)):
        return instance
    return msgspec.structs.replace(instance, state="stopped", pid=None, started=None)
