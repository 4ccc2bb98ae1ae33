"""Waits for the first message of a TLS client, without taking it, to learn which server it asks for."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from chaos.proxy.client_hello import MOST_BYTES, Unread, matches, server_name
from chaos.proxy.loop import READABLE, Loop, Timer

PATIENCE_SECONDS = 10.0
_LOOK_AGAIN_SECONDS = 0.005
"""What is peeked at stays readable, so the socket cannot say when there is more of it."""


class Greeting:
    """Tells, once, what an accepted socket asks for: a name, or Unread.NONE for no TLS, no name, or nothing in time.

    `gone` is called instead when the client has closed before it said so; the socket is closed then.
    """

    def __init__(
        self, linked: socket.socket, loop: Loop, named: Callable[[str | Unread], None], gone: Callable[[], None]
    ) -> None:
        self._socket = linked
        self._loop = loop
        self._named = named
        self._gone = gone
        self._again: Timer | None = None
        self._patience = loop.later(PATIENCE_SECONDS, lambda: self._tell(Unread.NONE))
        self._watch()

    def cancel(self) -> None:
        """Close the socket and tell nothing."""
        self._stop()
        self._socket.close()

    def _watch(self) -> None:
        self._again = None
        self._loop.watch(self._socket.fileno(), READABLE, self._look)

    def _look(self, events: int) -> None:
        self._loop.forget(self._socket.fileno())
        try:
            heard = self._socket.recv(2 * MOST_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            self._watch()
            return
        except OSError:
            self.cancel()
            self._gone()
            return
        name = server_name(heard) if heard else Unread.NONE
        if name is Unread.INCOMPLETE:
            self._again = self._loop.later(_LOOK_AGAIN_SECONDS, self._watch)
        else:
            self._tell(name)

    def _tell(self, name: str | Unread) -> None:
        self._stop()
        self._named(name)

    def _stop(self) -> None:
        self._patience.cancel()
        if self._again is not None:
            self._again.cancel()
        self._loop.forget(self._socket.fileno())


def routed(name: str | Unread, routes: Mapping[str, str], otherwise: str) -> str:
    """The upstream for a server's name: of the route that is this name, else of the first pattern that matches it."""
    if isinstance(name, Unread):
        return otherwise
    exact = {pattern.lower(): upstream for pattern, upstream in routes.items()}
    fitting = [upstream for pattern, upstream in routes.items() if matches(name, (pattern,))]
    return exact.get(name) or next(iter(fitting), otherwise)
