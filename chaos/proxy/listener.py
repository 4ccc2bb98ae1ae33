"""A listening socket, and what happens when more come than there are descriptors for."""

from __future__ import annotations

import errno
import resource
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

from chaos.model.errors import BadInput
from chaos.proxy.config import split_address
from chaos.proxy.loop import READABLE, Loop

_ACCEPTED_IN_A_TURN = 64
_BREATH_SECONDS = 0.1
_RESERVE = 64
"""Descriptors that no client's connection takes: for the API, upstreams, pipes and whatever else there is."""

_SAID_AGAIN_SECONDS = 60.0

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST (socket(7))


class Listener:
    """Hands each accepted socket, which does not block, and its peer's address to `accepted`.

    Descriptors are numbered from below, so a high number says that few are left: the connection is reset then.
    """

    def __init__(
        self, who: str, address: str, loop: Loop, accepted: Callable[[socket.socket, tuple[str, int]], None]
    ) -> None:
        """Raises BadInput, of `who`, when the address cannot be listened on. Port 0 takes a free one."""
        try:
            self._socket = _listen(*split_address(address))
        except OSError as error:
            raise cannot_listen(who, address, error) from error
        self._who = who
        self._loop = loop
        self._accepted = accepted
        self._says_at = loop.now()
        loop.watch(self._socket.fileno(), READABLE, self._accept)

    @property
    def address(self) -> str:
        """The numeric one."""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if self._socket.family == socket.AF_INET6 else f"{host}:{port}"

    def close(self) -> None:
        self._loop.forget(self._socket.fileno())
        self._socket.close()

    def _accept(self, events: int) -> None:
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = most - min(_RESERVE, most // 8)
        for _ in range(_ACCEPTED_IN_A_TURN):
            try:
                linked, peer = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._breathe()
                    return
                continue  # that one was gone before it was accepted (accept(2))
            if linked.fileno() > highest:
                self._refuse(linked, most)
                continue
            linked.setblocking(False)
            self._accepted(linked, (str(peer[0]), int(peer[1])))

    def _refuse(self, linked: socket.socket, most: int) -> None:
        linked.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        linked.close()
        if self._loop.now() >= self._says_at:
            self._says_at = self._loop.now() + _SAID_AGAIN_SECONDS
            said = f"at most {most} descriptors, two for each connection: new ones are reset (`ulimit -n` raises that)"
            with suppress(OSError):  # nobody reads it any more: no reason to stop accepting
                print(f"proxy: {self._who}: {said}", file=sys.stderr, flush=True)

    def _breathe(self) -> None:
        """The system has nothing left for one more: what waits would be told again and again."""
        number = self._socket.fileno()
        self._loop.forget(number)
        self._loop.later(_BREATH_SECONDS, self._again)

    def _again(self) -> None:
        number = self._socket.fileno()
        if number >= 0:
            self._loop.watch(number, READABLE, self._accept)


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(socket.SOMAXCONN)  # the kernel takes less if it is set to
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def cannot_listen(who: str, address: str, error: OSError) -> BadInput:
    """The sentence for an address that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        return BadInput(f"{who} cannot listen on {address}: the port is in use")
    return BadInput(f"{who} cannot listen on {address}: {error.strerror or error}")
