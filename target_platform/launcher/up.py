"""Brings a system up: prepares its folder, starts a launcher unless one runs, and waits until all is ready."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from target_platform.launcher.client import ask, running_launcher
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder, replace_file
from target_platform.launcher.fork import read_record
from target_platform.launcher.launch_file import read_spec, write_spec
from target_platform.launcher.spec import InstanceStatus, LaunchSpec, ProxyStatus, State

READY_SECONDS = 60.0
ANSWER_SECONDS = 60.0
HOPELESS_DEATHS = 4
"""What died this often while it was waited for (by then some 4 s) will not come up by waiting longer."""

Tell = Callable[[dict[str, Any]], None]


class Wanted(msgspec.Struct, frozen=True):
    """What is to run; `policies` is the text of the effective policies, None when nothing reads any."""

    spec: LaunchSpec
    policies: str | None = None


def up(folder: Folder, wanted: Wanted, tell: Tell) -> State:
    """Return the state when every instance is ready or held; safe to repeat. Raises LauncherError.

    `tell` gets {"event": "launcher", "launcher": "running" | "adopting" | "new"}, {"event": "policies"} when running
    services are restarted under other ones, and {"event": "ready", "ready": n, "total": m} as it goes.
    """
    if running_launcher(folder) is not None:
        tell({"event": "launcher", "launcher": "running"})
        _change(folder, wanted, tell)
    elif anything_runs(folder):
        tell({"event": "launcher", "launcher": "adopting"})
        _start_launcher(folder)
        _change(folder, wanted, tell)
    else:
        tell({"event": "launcher", "launcher": "new"})
        write_spec(folder, wanted.spec)
        if wanted.policies is not None:
            replace_file(folder.policies(wanted.spec.policies_file), wanted.policies.encode())
        _start_launcher(folder)
    return _until_ready(folder, tell)


def anything_runs(folder: Folder) -> bool:
    """Whether any process that was started from this folder lives, with or without a launcher."""
    return any(read_record(path) is not None for path in folder.pids.glob("*"))


def _change(folder: Folder, wanted: Wanted, tell: Tell) -> None:
    """Bring a system that runs to the policies that are wanted; anything else needs a `down` first."""
    running = read_spec(folder)
    if _apart_from_policies(running) != _apart_from_policies(wanted.spec):
        raise LauncherError(
            "another system, or the same on other ports, is up already", "take it down first: `chaos platform down`"
        )
    if wanted.policies is not None and set(running.weakened) != set(wanted.spec.weakened):
        tell({"event": "policies", "weakened": list(wanted.spec.weakened)})
        request = {"op": "weaken", "weakened": wanted.spec.weakened, "policies": wanted.policies, "lasting": True}
        ask(folder, request, ANSWER_SECONDS)


def _apart_from_policies(spec: LaunchSpec) -> LaunchSpec:
    return msgspec.structs.replace(spec, weakened=(), proxy_command=())


def _start_launcher(folder: Folder) -> None:
    """Start a launcher that outlives us; it says on its stdout whether it could start."""
    folder.logs.mkdir(parents=True, exist_ok=True)
    with folder.launcher_log.open("ab") as log:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "target_platform.launcher", "--home", str(folder.home)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert launcher.stdout is not None, "asked for above"
    with launcher.stdout as said:
        line = said.readline()
    first = json.loads(line) if line else None
    if first is not None and first["event"] != "error":
        launcher.returncode = 0  # it runs on, and is not ours to wait for
        return
    launcher.wait()  # nothing is left when it is said that nothing was started
    if first is None:
        raise LauncherError("the launcher ended while it was starting", f"see {folder.launcher_log}", "failed")
    raise LauncherError(first["message"], first["hint"], first["kind"])


def _until_ready(folder: Folder, tell: Tell) -> State:
    deadline = time.monotonic() + READY_SECONDS
    told, deaths_before = -1, None
    while True:
        state = msgspec.convert(ask(folder, {"op": "status"}, ANSWER_SECONDS)["state"], State)
        late = [each for each in state.supervised if each.state not in ("ready", "held down")]
        ready = sum(each.state == "ready" for each in state.instances)
        if ready != told:
            tell({"event": "ready", "ready": ready, "total": len(state.instances)})
            told = ready
        if not late:
            return state
        deaths_before = _deaths(state) if deaths_before is None else deaths_before
        if time.monotonic() > deadline or _deaths(state) - deaths_before >= HOPELESS_DEATHS:
            raise _not_ready(folder, state, late)
        time.sleep(0.1)


def _deaths(state: State) -> int:
    """Of the process that died most often."""
    return max(state.zygote_restarts, *(each.restarts for each in state.supervised))


def _not_ready(folder: Folder, state: State, late: Sequence[InstanceStatus | ProxyStatus]) -> LauncherError:
    names = ", ".join(f"{each.name} ({each.state})" for each in late[:3]) + (" ..." if len(late) > 3 else "")
    dying = sorted((each for each in late if each.restarts), key=lambda each: each.restarts)
    culprit = Path(dying[-1].log) if dying else folder.log("zygote")
    last = culprit.read_text(errors="replace").strip().splitlines()[-1:] if culprit.exists() else []
    hint = f"{culprit} ends with: {last[0]}" if last else f"see {folder.launcher_log}"
    return LauncherError(f"these did not become ready: {names}", hint, "failed")
