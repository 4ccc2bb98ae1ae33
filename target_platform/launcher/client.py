"""Asks a running launcher, and finds out whether one runs."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder
from target_platform.launcher.process import Identity, is_alive
from target_platform.launcher.state import read_state


def running_launcher(folder: Folder) -> Identity | None:
    """The launcher that supervises this folder now; None when there is none."""
    state = read_state(folder.state)
    if state is None:
        return None
    identity = Identity(state.launcher["pid"], state.launcher["started"])
    return identity if is_alive(identity) else None


def ask(folder: Folder, request: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
    """One request, one answer. Raises LauncherError with the launcher's own sentence when it says no."""
    with connected(folder, timeout_seconds) as connection:
        return exchange(folder, connection, request)


def exchange(folder: Folder, connection: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
    """The same on a connection that stays open: what is bound to it lasts as long as it does."""
    connection.sendall(json.dumps(request).encode() + b"\n")
    with connection.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        raise LauncherError(
            "the launcher closed the connection without an answer", f"see {folder.launcher_log}", "failed"
        )
    answer: dict[str, Any] = json.loads(line)
    if not answer["ok"]:
        raise LauncherError(answer["error"], f"see {folder.launcher_log}", "failed")
    return answer


@contextmanager
def connected(folder: Folder, timeout_seconds: float) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(str(folder.socket("control")))
            yield connection
        except OSError as error:
            raise LauncherError(
                f"the launcher does not answer on its control socket ({error.strerror or 'timed out'})",
                f"see {folder.launcher_log}",
                "failed",
            ) from error
