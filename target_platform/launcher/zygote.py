"""The zygote: a process that has imported the whole stack once and forks a bundled service in milliseconds.

Importing starlette, uvicorn, aiohttp and the rest costs half a second of CPU and 30 MB; forked, the pages are shared
(gc.freeze keeps the collector from touching, and so copying, them). The zygote is the parent of what it forks: it reaps
its children, and the launcher learns of their end through a pidfd, which needs no parent. When the launcher dies the
zygote stays, and the next launcher finds it at its socket. When the zygote dies its children live on; the launcher
has made itself their reaper (PR_SET_CHILD_SUBREAPER), and init is that after the launcher.

Protocol: one JSON `ForkRequest` a line; the answer is one line, an `Identity` or {"error": "..."}. Asking twice for
a name whose process is alive gives the same answer, so a request whose answer was lost with a launcher does no harm.
"""

from __future__ import annotations

import argparse
import gc
import os
import selectors
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from target_platform.launcher.fork import Birth, fork_session
from target_platform.launcher.process import Identity, is_alive

Serve = Callable[[str, dict[str, Any]], None]


class ForkRequest(msgspec.Struct, frozen=True):
    """Run `service` with `config` (an InstanceConfig as JSON) in a process born as `birth` says."""

    birth: Birth
    service: str
    config: dict[str, Any] = {}


class Zygote:
    """Single-threaded, since it forks. `serve(service, config)` is what a child does until it ends."""

    def __init__(self, path: Path, serve: Serve) -> None:
        self._serve = serve
        self._children: dict[str, Identity] = {}
        self._buffers: dict[socket.socket, bytes] = {}
        self._listener = _listen(path)
        self._woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Serve requests until SIGTERM. Children live on."""
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the wake-up byte is written
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, self._reap)
        while True:
            for key, _ in self._selector.select():
                key.data(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        self._buffers[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: socket.socket) -> None:
        received = _receive(connection)
        if not received:
            self._selector.unregister(connection)
            del self._buffers[connection]
            connection.close()
            return
        *lines, rest = (self._buffers[connection] + received).split(b"\n")
        self._buffers[connection] = rest
        for line in lines:
            answer = self._answer(line)
            try:
                connection.sendall(answer + b"\n")
            except OSError:
                return  # the launcher is gone; the child has left its record, so the next one finds it

    def _answer(self, line: bytes) -> bytes:
        try:
            return msgspec.json.encode(self._fork(msgspec.json.decode(line, type=ForkRequest)))
        except (OSError, msgspec.DecodeError) as error:
            return msgspec.json.encode({"error": str(error)})  # no memory, no room for a log, ...

    def _fork(self, request: ForkRequest) -> Identity:
        running = self._children.get(request.birth.name)
        if running is not None and is_alive(running):
            return running

        def live() -> None:
            self._let_go()
            gc.enable()
            self._serve(request.service, request.config)

        identity = fork_session(request.birth, live)
        self._children[request.birth.name] = identity
        return identity

    def _let_go(self) -> None:
        """In the child: close what belongs to the zygote, or its clients would never see it end."""
        self._selector.close()
        for held in (self._listener, self._woken, self._waker, *self._buffers):
            held.close()

    def _reap(self, woken: socket.socket) -> None:
        _receive(woken)
        reap_children()


def reap_children() -> None:
    """Collect every child that has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass  # no children left


def serve_bundled(service: str, config: dict[str, Any]) -> None:
    """Be one instance of a bundled service until told to end."""
    from target_platform.kit.config import InstanceConfig
    from target_platform.kit.serve import run
    from target_platform.services import load

    run(load(service), msgspec.convert(config, InstanceConfig))


def import_stack() -> None:
    """Import everything a bundled service uses."""
    import importlib
    import pkgutil

    import target_platform.services

    for module in ("aiohttp", "prometheus_client", "pybreaker", "starlette", "tenacity", "uvicorn"):
        importlib.import_module(module)
    for found in pkgutil.walk_packages(target_platform.services.__path__, "target_platform.services."):
        importlib.import_module(found.name)
    importlib.import_module("target_platform.kit.serve")


def main(prepare: Callable[[], None] = import_stack, serve: Serve = serve_bundled) -> None:
    """`python -m target_platform.launcher.zygote --socket PATH`"""
    parser = argparse.ArgumentParser(description="Forks bundled services; started by the launcher.")
    parser.add_argument("--socket", type=Path, required=True)
    path = parser.parse_args().socket
    gc.disable()
    prepare()
    gc.collect()
    gc.freeze()
    Zygote(path, serve).run()


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    part = path.with_name(path.name + ".new")
    part.unlink(missing_ok=True)
    listener.bind(str(part))
    listener.listen(8)
    part.replace(path)  # who finds the socket can connect to it
    return listener


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:
        return b""


if __name__ == "__main__":
    main()
