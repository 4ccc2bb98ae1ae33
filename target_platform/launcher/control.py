"""The control socket: one JSON request a line, one answer a line (docs/explanation/contracts.md)."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any

import msgspec

from target_platform.launcher.describe import describe
from target_platform.launcher.discovery import How, Spoil
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.policies import Policies
from target_platform.launcher.system import System

LINE_LIMIT_BYTES = 4 * 1024 * 1024

log = logging.getLogger("launcher")


class Status(msgspec.Struct, frozen=True, tag_field="op", tag="status"):
    """Answer with the State."""


class Hold(msgspec.Struct, frozen=True, tag_field="op", tag="hold"):
    """Kill these and keep them down until the epoch second `until`; holds of different holders are kept apart."""

    instances: tuple[str, ...]
    until: float
    holder: str = "somebody"


class Release(msgspec.Struct, frozen=True, tag_field="op", tag="release"):
    """End this holder's hold on these; everybody's when `holder` is empty."""

    instances: tuple[str, ...]
    holder: str = ""


class Weaken(msgspec.Struct, frozen=True, tag_field="op", tag="weaken"):
    """`policies` is the whole text of the effective policies. `lasting`: do not undo when the connection closes."""

    weakened: tuple[str, ...]
    policies: str
    lasting: bool = False


class SpoilDiscovery(msgspec.Struct, frozen=True, tag_field="op", tag="spoil_discovery"):
    """Have a region's list of instances stand still or be empty, until the epoch second `until`.

    What stands still is the list as it was `behind_seconds` before.
    """

    region: str
    how: How
    until: float
    behind_seconds: float = 0.0
    holder: str = "somebody"


class RestoreDiscovery(msgspec.Struct, frozen=True, tag_field="op", tag="restore_discovery"):
    """End what this holder wants of the region's list; what everybody wants when `holder` is empty."""

    region: str
    holder: str = ""


class Down(msgspec.Struct, frozen=True, tag_field="op", tag="down"):
    """Stop everything, answer, end."""


Request = Status | Hold | Release | Weaken | SpoilDiscovery | RestoreDiscovery | Down


class Control:
    """`ending` is set when somebody asks for the end; who ends the system calls `finish` afterwards."""

    def __init__(self, system: System, policies: Policies) -> None:
        self.ending = asyncio.Event()
        self._system = system
        self._policies = policies
        self._ended = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, path: Path) -> None:
        """Only one launcher gets here for a folder (it holds the lock), so an old socket is nobody's."""
        self._server = await asyncio.start_unix_server(self._accept, sock=_bound(path), limit=LINE_LIMIT_BYTES)

    async def finish(self) -> None:
        """Answer those who asked for the end, and close."""
        self._ended.set()
        if self._server is not None:
            self._server.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=1.0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "the server runs each connection as a task"
        self._connections.add(task)
        connection = Connection(self._system, self._policies, self)
        try:
            await connection.serve(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def end(self) -> None:
        """Ask for the end, and return when everything is stopped."""
        self.ending.set()
        await self._ended.wait()


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    return listener


class Connection:
    """One client. What it weakened is restored when it goes."""

    def __init__(self, system: System, policies: Policies, control: Control) -> None:
        self._system = system
        self._policies = policies
        self._control = control
        self._weakened = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
                await writer.drain()
                if self._control.ending.is_set():
                    return
        except (ConnectionError, ValueError) as error:
            log.info("a control connection broke: %s", error)  # ValueError: a line beyond the limit
        finally:
            if self._weakened and not self._control.ending.is_set():
                await self._restore()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            answer = await self._do(msgspec.json.decode(line, type=Request))
            self._system.state_file.flush()
        except msgspec.MsgspecError as error:
            return {"ok": False, "error": f"this request is not understood: {error}"}
        except LauncherError as error:
            return {"ok": False, "error": error.message}
        except OSError as error:
            return {"ok": False, "error": f"{error.filename or 'a file'} cannot be written: {error.strerror}"}
        return {"ok": True, **answer}

    async def _do(self, request: Request) -> dict[str, Any]:
        if isinstance(request, Status):
            return {"state": describe(self._system)}
        if isinstance(request, Hold):
            await self._system.hold(request.instances, request.holder, request.until)
        elif isinstance(request, Release):
            await self._system.release(request.instances, request.holder)
        elif isinstance(request, Weaken):
            await self._weaken(request)
        elif isinstance(request, SpoilDiscovery):
            spoil = Spoil(request.how, request.until, request.behind_seconds)
            self._system.discovery.spoil(request.region, request.holder, spoil)
        elif isinstance(request, RestoreDiscovery):
            self._system.discovery.restore(request.region, request.holder)
        else:
            await self._control.end()
        return {}

    async def _weaken(self, request: Weaken) -> None:
        if request.lasting:
            await self._policies.change(request.weakened, request.policies)
            return
        if self._weakened:
            await self._policies.restore()
            self._weakened = False
        await self._policies.weaken(request.weakened, request.policies)
        self._weakened = True

    async def _restore(self) -> None:
        try:
            await self._policies.restore()
        except (LauncherError, OSError) as error:
            log.error("the policies from before could not be put back: %s", error)
