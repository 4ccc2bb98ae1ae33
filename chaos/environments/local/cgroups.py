"""Puts the processes of an instance into a control group of their own, and back where they were.

A group is called steadfast-RUN-INJECTION, so that what a run may have left can be recognised. Its path and that of the
processes' home are all that is needed to undo it: they are the means that a fault keeps in its undo.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from chaos.environments.local import processes
from chaos.environments.local.cgroup_versions import V1, V2, Controller, Settings, Version, home_of, version_of
from chaos.model.capabilities import Identity, Means
from chaos.model.errors import ActionFailed

MARK = "steadfast-"
_ROUNDS = 50
"""How often we look again for processes that were forked while others were being moved."""


@dataclass(frozen=True)
class Cgroups:
    """`proc` and `remove` are passed in where a folder stands for the kernel's files."""

    proc: Path = Path("/proc")
    remove: Callable[[Path], None] = os.rmdir

    def refusal(self, controller: Controller, pid: int) -> str:
        """Why a process cannot be put into a group of its own; empty when it can."""
        try:
            self._place(controller, pid)
        except ActionFailed as failed:
            return failed.message
        return ""

    def means(self, controller: Controller, identity: Identity, name: str) -> Means:
        """Where the group will be. Changes nothing; raises ActionFailed when it cannot be made."""
        version, home, room = self._place(controller, int(identity["pid"]))
        group = room / (MARK + "".join(each if each.isalnum() or each in "-." else "_" for each in name))
        return {
            "by": "cgroup",
            "version": version.number,
            "mount": str(version.mount),
            "controller": controller,
            "group": str(group),
            "home": str(home),
        }

    def enter(self, identity: Identity, means: Means, amount: float) -> None:
        """Make the group, set its limit, move all processes of the instance in. Raises ActionFailed."""
        group, controller = Path(str(means["group"])), cast(Controller, means["controller"])
        if not processes.is_alive(identity):
            raise ActionFailed(f"process {identity['pid']} is gone", took_effect="no")
        settings = _version(means).settings(controller, amount)
        try:
            group.mkdir(exist_ok=True)
            if controller != "freezer":
                _set(group, settings)
            self._move_family(identity, group)
            if controller == "freezer":
                _set(group, settings)
        except OSError as error:
            raise _failed(group, error) from error

    def leave(self, means: Means) -> None:
        """Move everybody back and remove the group; fine if there is none. Raises ActionFailed."""
        group = Path(str(means["group"]))
        try:
            if means["controller"] == "freezer" and group.is_dir():
                _set(group, _version(means).thawing())
            for _ in range(_ROUNDS):
                if not group.is_dir() or self._emptied(group, _home(means)):
                    return
                time.sleep(0.01)
        except FileNotFoundError:
            return  # somebody else removed it meanwhile
        except OSError as error:
            raise _failed(group, error) from error
        raise ActionFailed(f"the control group {group} cannot be emptied: new processes keep appearing in it")

    def members(self, means: Means) -> frozenset[int]:
        """The pids in the group; none when there is no group."""
        return frozenset(_pids(Path(str(means["group"]))))

    def is_frozen(self, means: Means) -> bool:
        return _version(means).is_frozen(Path(str(means["group"])))

    def _place(self, controller: Controller, pid: int) -> tuple[Version, Path, Path]:
        version = version_of(controller, (self.proc / "self" / "mounts").read_text())
        if version is None:
            raise _impossible(f"this machine has no control groups for {controller}")
        try:
            membership = (self.proc / str(pid) / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError) as error:
            raise _impossible(f"process {pid} is gone") from error
        home = home_of(controller, version, membership)
        if home is None:
            raise _impossible(f"the control group of process {pid} cannot be seen from here")
        if home.name.startswith(MARK):
            raise _impossible(f"another fault holds process {pid} in the control group {home}")
        room = version.room_for(controller, home)
        if room is None:
            raise _impossible(f"no control group above {home} hands the {controller} controller down")
        for needed in (room, room / "cgroup.procs", home / "cgroup.procs"):
            if not os.access(needed, os.W_OK):
                raise _impossible(f"{needed} cannot be written; that takes root, or a control group of one's own")
        return version, home, room

    def _move_family(self, identity: Identity, group: Path) -> None:
        """The leader first, so that what it forks from then on is born inside."""
        _move(int(identity["pid"]), group)
        for _ in range(_ROUNDS):
            outside = set(processes.family(identity)) - set(_pids(group))
            if not outside:
                return
            for pid in outside:
                _move(pid, group)

    def _emptied(self, group: Path, home: Path) -> bool:
        for pid in _pids(group):
            _move(pid, home)
        try:
            self.remove(group)
        except OSError as error:
            if error.errno != errno.EBUSY:  # a process was forked, or is dying, in this very moment
                raise
            return False
        return True


def _version(means: Means) -> Version:
    mount = Path(str(means["mount"]))
    return V1(mount) if means["version"] == 1 else V2(mount)


def _home(means: Means) -> Path:
    """Where the processes were; what lies above our group when that is gone."""
    home = Path(str(means["home"]))
    return home if home.is_dir() else Path(str(means["group"])).parent


def _set(group: Path, settings: Settings) -> None:
    for name, value in settings:
        if "sw" in name and not (group / name).exists():
            continue  # the kernel does not account for swap
        (group / name).write_text(value)


def _move(pid: int, group: Path) -> None:
    try:
        (group / "cgroup.procs").write_text(str(pid))
    except ProcessLookupError:
        pass  # it has ended


def _pids(group: Path) -> list[int]:
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except (FileNotFoundError, OSError):
        return []


def _impossible(why: str) -> ActionFailed:
    return ActionFailed(why, "docs/explanation/faults.md says what is needed", took_effect="no")


def _failed(group: Path, error: OSError) -> ActionFailed:
    return ActionFailed(f"the control group {group} could not be changed: {error.strerror or error}")
