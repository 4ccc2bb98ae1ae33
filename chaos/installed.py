"""Plug-ins that other installed packages bring, by their entry points."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

from msgspec import Struct

PREFIX = "steadfast."
"""Our groups: steadfast.faults, steadfast.probes and so on."""


class Entry(Struct, frozen=True):
    """`value` is a module, or a module and a name in it: "their_package.freeze:Freeze"."""

    name: str
    value: str
    group: str

    @property
    def module(self) -> str:
        return self.value.partition(":")[0].strip()

    @property
    def attr(self) -> str:
        return self.value.partition(":")[2].strip()


@cache
def entries(path: tuple[str, ...]) -> tuple[Entry, ...]:
    """All of our groups, of the packages on this `sys.path`.

    importlib.metadata takes longer to import and to look than a short run has, so it is asked only where some
    package's file names us.
    """
    if not any(_names_us(folder or os.curdir) for folder in path):
        return ()
    from importlib.metadata import entry_points

    every = entry_points()
    groups = sorted(group for group in every.groups if group.startswith(PREFIX))
    return tuple(Entry(each.name, each.value, group) for group in groups for each in every.select(group=group))


def _names_us(folder: str) -> bool:
    if os.path.isfile(folder):
        return True  # packages in an archive: importlib.metadata knows how to look into it
    return any(f"[{PREFIX}".encode() in text for text in _entry_point_files(folder))


def _entry_point_files(folder: str) -> Iterator[bytes]:
    try:
        packages = [name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return  # a part of sys.path that is not there
    for package in packages:
        try:
            with open(os.path.join(folder, package, "entry_points.txt"), "rb") as file:
                yield file.read()
        except OSError:
            pass  # most packages have none
