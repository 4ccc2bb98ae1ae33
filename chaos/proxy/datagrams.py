"""UDP: what one client sends and gets is a session, which ends when nothing has passed for a while."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from chaos.proxy.address import join
from chaos.proxy.chain import Chain
from chaos.proxy.config import split_address
from chaos.proxy.dial import Address
from chaos.proxy.listener import cannot_listen
from chaos.proxy.loop import READABLE, Timer
from chaos.proxy.toxics import Runtime

MOST_SESSIONS = 10_000
_LARGEST_DATAGRAM_BYTES = 65_535
_DATAGRAMS_IN_A_TURN = 64
_MOST_EARLY = 64
"""Datagrams that are kept while the name of the upstream is looked up."""


class Session:
    """One client's address, with a socket of its own to the upstream. `forgotten` and `over` are told once.

    Offers what a Connection offers to proxies; to end it by a reset or in good order is the same here: it just ends.
    """

    def __init__(self, client: Address, reply: Callable[[bytes], None], runtime: Runtime, idle_seconds: float) -> None:
        self.client_host, self.client_port = client
        self.since = time.time()
        self.upstream = Chain(self._send)
        self.downstream = Chain(reply)
        self.over: Callable[[Session], None] = lambda session: None
        self.forgotten: Callable[[], object] = lambda: None
        self._runtime = runtime
        self._idle_seconds = idle_seconds
        self._used_at = runtime.now()
        self._socket: socket.socket | None = None
        self._early: list[bytes] = []
        self._is_over = False
        self._idle: Timer = runtime.later(idle_seconds, self._look_whether_idle)

    @property
    def client_address(self) -> str:
        return join(self.client_host, self.client_port)

    @property
    def streams(self) -> dict[str, Chain]:
        return {"upstream": self.upstream, "downstream": self.downstream}

    @property
    def toxic_names(self) -> list[str]:
        names = [*self.upstream.names, *self.downstream.names]
        return list(dict.fromkeys(name for name in names if name))

    def begin(self, address: Address) -> None:
        """Look the upstream up; what comes before that is done waits."""
        self._runtime.names.find(address, self._found)

    def take(self, datagram: bytes) -> None:
        """From the client."""
        self._used_at = self._runtime.now()
        self.upstream.take(datagram)

    def end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._idle.cancel()
        for chain in (self.upstream, self.downstream):
            chain.discard()
        if self._socket is not None:
            self._runtime.loop.forget(self._socket.fileno())
            self._socket.close()
        self.forgotten()
        self.over(self)

    def abort(self) -> None:
        self.end()

    def close(self) -> None:
        self.end()

    def _found(self, places: list[tuple[int, Address]]) -> None:
        if self._is_over or not places:
            return
        family, address = places[0]
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.connect(address)
        except OSError:  # no descriptor or no way there: as if the datagrams were lost
            return
        self._runtime.loop.watch(self._socket.fileno(), READABLE, self._readable)
        early, self._early = self._early, []
        for datagram in early:
            self._send(datagram)

    def _send(self, datagram: bytes) -> None:
        if self._socket is None:
            self._early = [*self._early, datagram][-_MOST_EARLY:]
            return
        try:
            self._socket.send(datagram)
        except OSError:
            pass  # nobody listens there or its buffer is full: a datagram is lost, as datagrams are

    def _readable(self, events: int) -> None:
        for _ in range(_DATAGRAMS_IN_A_TURN):
            if self._socket is None or self._is_over:
                return
            try:
                datagram = self._socket.recv(_LARGEST_DATAGRAM_BYTES)
            except OSError:  # nothing more, or the upstream's port is closed: the client cannot be told
                return
            self._used_at = self._runtime.now()
            self.downstream.take(datagram)

    def _look_whether_idle(self) -> None:
        left_seconds = self._used_at + self._idle_seconds - self._runtime.now()
        if left_seconds <= 0:
            self.end()
        else:
            self._idle = self._runtime.later(left_seconds, self._look_whether_idle)


class DatagramListener:
    """Sorts what comes by client. `begun` gets each new session, before its first datagram passes."""

    def __init__(
        self, who: str, address: str, runtime: Runtime, begun: Callable[[Session], None], idle_seconds: float
    ) -> None:
        """Raises BadInput, of `who`, when the address cannot be listened on. Port 0 takes a free one."""
        try:
            self._socket = _bound(*split_address(address))
        except OSError as error:
            raise cannot_listen(who, address, error) from error
        self._runtime = runtime
        self._begun = begun
        self._sessions: dict[Address, Session] = {}
        self._idle_seconds = idle_seconds
        runtime.loop.watch(self._socket.fileno(), READABLE, self._readable)

    @property
    def address(self) -> str:
        """The numeric one."""
        host, port = self._socket.getsockname()[:2]
        return join(str(host), int(port))

    def close(self) -> None:
        self._runtime.loop.forget(self._socket.fileno())
        self._socket.close()

    def _readable(self, events: int) -> None:
        for _ in range(_DATAGRAMS_IN_A_TURN):
            try:
                datagram, peer = self._socket.recvfrom(_LARGEST_DATAGRAM_BYTES)
            except OSError:
                return
            session = self._session((str(peer[0]), int(peer[1])))
            if session is not None:
                session.take(datagram)

    def _session(self, client: Address) -> Session | None:
        session = self._sessions.get(client)
        if session is None and len(self._sessions) < MOST_SESSIONS:
            session = Session(client, lambda datagram: self._reply(client, datagram), self._runtime, self._idle_seconds)
            session.forgotten = lambda: self._sessions.pop(client, None)
            self._sessions[client] = session
            self._begun(session)
        return session

    def _reply(self, client: Address, datagram: bytes) -> None:
        try:
            self._socket.sendto(datagram, client)
        except OSError:
            pass  # lost, as datagrams are


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.bind(address)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound
