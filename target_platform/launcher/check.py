"""Refuses a LaunchSpec that cannot work, before anything is started."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeVar

from target_platform.launcher.errors import LauncherError
from target_platform.launcher.spec import LaunchSpec

Item = TypeVar("Item")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,63})?")
_RESERVED = {"launcher", "zygote", "proxy", "logs", "pids"}


def check_spec(spec: LaunchSpec) -> None:
    """Raises LauncherError for names that clash or cannot be file names, unknown regions, cycles, shared ports."""
    names = [instance.name for instance in spec.instances]
    for name in (*names, *spec.regions):
        if not _NAME.fullmatch(name) or name in _RESERVED or name.startswith("proxy-"):
            raise _bad(f"{name!r} cannot be the name of an instance or region")
    for region in spec.regions:
        if "/" in region:
            raise _bad(f"{region!r} cannot be the name of a region, which is a folder's name")
    for name in _twice(names):
        raise _bad(f"two instances are called {name}")
    for region, name in _twice((each.region, each.name.removeprefix(f"{each.region}/")) for each in spec.instances):
        raise _bad(f"{name} and {region}/{name} would write the same log")
    for instance in spec.instances:
        if instance.region not in spec.regions:
            raise _bad(f"{instance.name} is in region {instance.region!r}, which is not listed")
    carried = {proxy.region for proxy in spec.proxies}
    for link in spec.links:
        if not link.proxy_api and (link.source_region not in carried or not spec.proxy_command):
            raise _bad(f"no proxy carries the link {link.name} of region {link.source_region}")
    _check_order(spec)
    for port in _twice(port for port, _ in ports_of(spec)):
        users = " and ".join(user for used, user in ports_of(spec) if used == port)
        raise _bad(f"port {port} is given to {users}")


def ports_of(spec: LaunchSpec) -> list[tuple[int, str]]:
    """Every port that will be listened on, and the record name of the process that will."""
    ports = [(instance.port, instance.name) for instance in spec.instances]
    for proxy in spec.proxies:
        ports.append((proxy.api_port, f"proxy-{proxy.region}"))
        links = (link for link in spec.links if link.source_region == proxy.region)
        ports += [(link.listen_port, f"proxy-{proxy.region}") for link in links]
    return ports


def check_ports_free(ports: Iterable[tuple[int, str]]) -> None:
    """Raises LauncherError naming the first port that somebody listens on, and who does if /proc tells."""
    for port, user in ports:
        if _is_free(port):
            continue
        pid = listener_of(port)
        by = f" by process {pid} ({_command(pid)})" if pid else ""
        hint = "end that process" if pid else "find what listens there (ss -ltnp)"
        raise LauncherError(
            f"port {port}, which {user} needs, is already in use{by}; nothing was started",
            f"{hint}, or choose other ports with --base-port",
        )


def listener_of(port: int) -> int | None:
    """The pid that listens on this TCP port, as far as /proc shows it to this user."""
    inodes = set(_listening_inodes(port))
    for entry in os.listdir("/proc"):
        if entry.isdigit() and inodes & set(_socket_inodes(entry)):
            return int(entry)
    return None


def _check_order(spec: LaunchSpec) -> None:
    services = {instance.service for instance in spec.instances}
    order: TopologicalSorter[str] = TopologicalSorter()
    for instance in spec.instances:
        for needed in instance.after:
            if needed not in services:
                raise _bad(f"{instance.name} is to start after {needed!r}, which no instance offers")
        order.add(instance.service, *instance.after)
    try:
        order.prepare()
    except CycleError as cycle:
        raise _bad(f"these services wait for each other: {' -> '.join(cycle.args[1])}") from cycle


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no listener
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise LauncherError(f"port {port} cannot be listened on: {error.strerror}", kind="bad input") from error
    return True


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not Path(table).exists():
            continue
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _socket_inodes(pid: str) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return  # it ended, or belongs to another user
    for descriptor in descriptors:
        try:
            target = os.readlink(f"{folder}/{descriptor}")
        except OSError:
            continue  # closed meanwhile
        if target.startswith("socket:["):
            yield target[8:-1]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "unknown"


def _twice(items: Iterable[Item]) -> list[Item]:
    return [item for item, count in Counter(items).items() if count > 1]


def _bad(sentence: str) -> LauncherError:
    return LauncherError(sentence, "correct launch.json", kind="bad input")
