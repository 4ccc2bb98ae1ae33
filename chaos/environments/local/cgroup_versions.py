"""What differs between the two versions of control groups: where a group can be made, and what is written where.

Version 1 has a hierarchy for each controller, version 2 one for all of them (Documentation/admin-guide/cgroup-v1 and
cgroup-v2.rst of the Linux kernel). Paths are passed in, so that either can be a folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Controller = Literal["freezer", "cpu", "memory", "pids"]
Settings = tuple[tuple[str, str], ...]
"""File and what is written to it, in that order."""

PERIOD_US = 100_000
"""The kernel's own default: a quota is what may be used of each such period."""


class Version(Protocol):
    @property
    def number(self) -> int: ...

    @property
    def mount(self) -> Path: ...

    def room_for(self, controller: Controller, home: Path) -> Path | None:
        """The group in which a new one with this controller can be made for a process that is in `home`."""
        ...

    def settings(self, controller: Controller, amount: float) -> Settings:
        """Share of a core, bytes, processes; for the freezer any amount means frozen."""
        ...

    def thawing(self) -> Settings: ...

    def is_frozen(self, group: Path) -> bool:
        """Whether the kernel says that everything in it stands still, not only that it has been told to."""
        ...


@dataclass(frozen=True)
class V1:
    mount: Path
    number: int = 1

    def room_for(self, controller: Controller, home: Path) -> Path | None:
        """Inside the process's own group, so that what limited it before still does."""
        return home

    def settings(self, controller: Controller, amount: float) -> Settings:
        if controller == "freezer":
            return (("freezer.state", "FROZEN"),)
        if controller == "cpu":
            return (("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", str(round(amount * PERIOD_US))))
        if controller == "memory":
            bound = str(round(amount))
            return (("memory.limit_in_bytes", bound), ("memory.memsw.limit_in_bytes", bound))
        return (("pids.max", str(round(amount))),)

    def thawing(self) -> Settings:
        return (("freezer.state", "THAWED"),)

    def is_frozen(self, group: Path) -> bool:
        return _read(group / "freezer.state") == "FROZEN"


@dataclass(frozen=True)
class V2:
    mount: Path
    number: int = 2

    def room_for(self, controller: Controller, home: Path) -> Path | None:
        """The nearest group above that hands the controller down: one that has processes itself may not (cgroups(7)).

        Freezing needs no controller and no such place, so there the limits of the process's own group stay.
        """
        if controller == "freezer":
            return home
        return next(
            (each for each in self._upwards(home) if controller in _words(each / "cgroup.subtree_control")), None
        )

    def settings(self, controller: Controller, amount: float) -> Settings:
        if controller == "freezer":
            return (("cgroup.freeze", "1"),)
        if controller == "cpu":
            return (("cpu.max", f"{round(amount * PERIOD_US)} {PERIOD_US}"),)
        if controller == "memory":
            return (("memory.max", str(round(amount))), ("memory.swap.max", "0"))
        return (("pids.max", str(round(amount))),)

    def thawing(self) -> Settings:
        return (("cgroup.freeze", "0"),)

    def is_frozen(self, group: Path) -> bool:
        return "frozen 1" in _read(group / "cgroup.events").splitlines()

    def _upwards(self, home: Path) -> Iterator[Path]:
        group = home
        while group != self.mount and group != group.parent:
            group = group.parent
            yield group


def version_of(controller: Controller, mounts: str) -> Version | None:
    """The one that has this controller, from the text of /proc/self/mounts; version 1 where it is in both."""
    unified: Version | None = None
    for line in mounts.splitlines():
        _, place, kind, options, *_ = line.split(" ")
        mount = Path(place)
        if kind == "cgroup" and controller in options.split(","):
            return V1(mount)
        # The freezer of version 2 is no controller: every group has it.
        if kind == "cgroup2" and (controller == "freezer" or controller in _words(mount / "cgroup.controllers")):
            unified = V2(mount)
    return unified


def home_of(controller: Controller, version: Version, membership: str) -> Path | None:
    """The group a process is in, from the text of its /proc/PID/cgroup; None where that cannot be seen from here."""
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        ours = controllers == "" if version.number == 2 else controller in controllers.split(",")
        if ours:
            home = version.mount / path.strip("/")
            return home if home.is_dir() else None
    return None


def _words(path: Path) -> list[str]:
    return _read(path).split()


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
