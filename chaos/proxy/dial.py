"""Connecting to an upstream without waiting for it: names are looked up elsewhere, and each attempt has its time."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator

from chaos.proxy.loop import WRITABLE, Loop, Timer

CONNECT_SECONDS = 10.0

Address = tuple[str, int]
_Found = list[tuple[int, Address]]
"""Socket family and address of each place that a name stands for."""


class Names:
    """Looks up names in threads, one for each name that is asked for at the moment: the resolver may take long."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: dict[Address, list[Callable[[_Found], None]]] = {}

    def find(self, address: Address, tell: Callable[[_Found], None]) -> None:
        """Tell, now or later, in the loop; nothing if the name is unknown."""
        family = _numeric_family(address[0])
        if family is not None:
            tell([(family, address)])
        elif address in self._waiting:
            self._waiting[address].append(tell)
        else:
            self._waiting[address] = [tell]
            threading.Thread(target=self._look_up, args=(address,), name="lookup", daemon=True).start()

    def _look_up(self, address: Address) -> None:
        try:
            infos = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            infos = []
        found = [(int(family), (str(to[0]), int(to[1]))) for family, _, _, _, to in infos]
        self._loop.call(lambda: self._tell(address, found))

    def _tell(self, address: Address, found: _Found) -> None:
        for tell in self._waiting.pop(address):
            tell(found)


class Dial:
    """Connects to the first place of an address that accepts. `done` gets the socket, or None; not after `cancel`."""

    __slots__ = ("_current", "_done", "_loop", "_places", "_timer")

    def __init__(self, loop: Loop, done: Callable[[socket.socket | None], None]) -> None:
        self._loop = loop
        self._done: Callable[[socket.socket | None], None] | None = done
        self._places: Iterator[tuple[int, Address]] = iter(())
        self._current: socket.socket | None = None
        self._timer: Timer | None = None

    def begin(self, names: Names, address: Address) -> None:
        self._timer = self._loop.later(CONNECT_SECONDS, lambda: self._end(None))
        names.find(address, self._found)

    def cancel(self) -> None:
        self._done = None
        self._end(None)

    def _found(self, places: _Found) -> None:
        if self._done is not None:
            self._places = iter(places)
            self._next()

    def _next(self) -> None:
        for family, address in self._places:
            try:
                self._current = socket.socket(family, socket.SOCK_STREAM)
            except OSError:  # no descriptor is left
                break
            self._current.setblocking(False)
            if self._has_begun(self._current, address):
                return
            self._current.close()
            self._current = None
        self._end(None)

    def _has_begun(self, trying: socket.socket, address: Address) -> bool:
        """False when it has failed already."""
        code = trying.connect_ex(address)
        if code == errno.EINPROGRESS:
            code = trying.connect_ex(address)  # on this machine it has happened by now
        if code == errno.EALREADY:
            self._loop.watch(trying.fileno(), WRITABLE, lambda events: self._answered(trying, address))
            return True
        if code or _is_itself(trying):
            return False
        self._end(trying)
        return True

    def _answered(self, trying: socket.socket, address: Address) -> None:
        code = trying.connect_ex(address)
        if code == errno.EALREADY:
            return
        self._loop.forget(trying.fileno())
        if code in (0, errno.EISCONN) and not _is_itself(trying):
            self._end(trying)
        else:
            trying.close()
            self._current = None
            self._next()

    def _end(self, connected: socket.socket | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if connected is None and self._current is not None:
            self._loop.forget(self._current.fileno())
            self._current.close()
        self._current = None
        done, self._done = self._done, None
        if done is not None:
            done(connected)


def _is_itself(connected: socket.socket) -> bool:
    """TCP connects a socket to itself when nobody listens on the port and the kernel draws that very one."""
    try:
        return bool(connected.getsockname() == connected.getpeername())
    except OSError as error:
        return error.errno == errno.ENOTCONN  # it was reset since: no use either


def _numeric_family(host: str) -> int | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family
    return None
