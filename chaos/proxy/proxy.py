"""One link: its listener, its connections, and the toxics on them."""

from __future__ import annotations

import socket
import time

from chaos.proxy.client_hello import Unread
from chaos.proxy.config import ProxyConfig, split_address
from chaos.proxy.connection import Connection, Line
from chaos.proxy.datagrams import DatagramListener, Session
from chaos.proxy.greeting import Greeting, routed
from chaos.proxy.listener import Listener
from chaos.proxy.loop import Timer
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Runtime
from chaos.proxy.toxics.latency import Delay

_BASE_DELAY = ""  # the name of the stage that no toxic can have
_LOOK_AGAIN_SECONDS = 1.0

Carried = Connection | Session
Traffic = tuple[int, int, int, int]
"""Bytes: upstream received and sent, downstream received and sent. Received is what the proxy has read."""


class Proxy:
    """Listens, and carries each connection to the upstream. Belongs to the loop: from other threads `loop.ask`.

    To change the addresses: `close`, set them, `listen`. Toxics stay over that.
    """

    def __init__(self, config: ProxyConfig, runtime: Runtime) -> None:
        self.config = config
        """As it was created; the addresses may have changed since."""
        self.name = config.name
        self.listen_address = config.listen
        self.upstream_address = config.upstream
        self.toxics: dict[str, NamedToxic] = {}
        """In the order of their creation, which is their order on a stream."""
        self.connections: set[Carried] = set()
        """Those that are alive, of UDP the sessions."""
        self.base_delay_ms = config.base_delay_ms
        self._runtime = runtime
        self._expiries: dict[str, Timer] = {}
        self._listener: Listener | DatagramListener | None = None
        self._greetings: set[Greeting] = set()
        self._past: Traffic = (0, 0, 0, 0)

    @property
    def is_listening(self) -> bool:
        return self._listener is not None

    @property
    def traffic(self) -> Traffic:
        """Of all connections, those that are over and those that live, up to this moment."""
        total = self._past
        for connection in self.connections:
            total = _sum(total, _traffic(connection))
        return total

    def listen(self) -> None:
        """Raises BadInput when that is impossible. Port 0 takes a free one; `listen_address` tells which."""
        if self._listener is None:
            split_address(self.upstream_address)
            self._listener = self._open()
            self.listen_address = self._listener.address

    def close(self, reset: bool = False) -> None:
        """Stop listening and end every connection now, if asked for by a reset. What was held back is dropped."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for greeting in self._greetings:
            greeting.cancel()
        self._greetings.clear()
        for connection in list(self.connections):
            if reset:
                connection.abort()
            else:
                connection.end()

    def add(self, toxic: NamedToxic) -> None:
        """Put a toxic on all connections, those that exist too. Its name must be free."""
        self.toxics[toxic.name] = toxic
        for connection in list(self.connections):
            self._apply(toxic, connection)
        if toxic.expires_at is not None:
            self._await_expiry(toxic.name, toxic.expires_at)

    def update(self, toxic: NamedToxic) -> None:
        """Change the toxic of this name, in its place; which connections it is on is drawn anew, as by Toxiproxy."""
        self.toxics[toxic.name] = toxic
        for connection in list(self.connections):
            self._apply(toxic, connection)
        self._forget_expiry(toxic.name)
        if toxic.expires_at is not None:
            self._await_expiry(toxic.name, toxic.expires_at)

    def remove(self, name: str) -> bool:
        """Take a toxic off all connections; what it held back is delivered at once. False when there is none."""
        toxic = self.toxics.pop(name, None)
        if toxic is None:
            return False
        self._forget_expiry(name)
        for connection in list(self.connections):
            _take_off(name, connection)
        return True

    def clear(self) -> None:
        """Remove all toxics."""
        for name in list(self.toxics):
            self.remove(name)

    def _open(self) -> Listener | DatagramListener:
        who = f"link {self.name}"
        if self.config.protocol == "udp":
            return DatagramListener(
                who, self.listen_address, self._runtime, self._session_begun, self.config.idle_timeout / 1000
            )
        accepted = self._greet if self.config.routes else self._accepted
        return Listener(who, self.listen_address, self._runtime.loop, accepted)

    def _greet(self, linked: socket.socket, peer: tuple[str, int]) -> None:
        """Where the connection goes depends on what it says first."""

        def named(name: str | Unread) -> None:
            self._greetings.discard(greeting)
            self._accepted(linked, peer, routed(name, self.config.routes, self.upstream_address))

        greeting = Greeting(linked, self._runtime.loop, named, lambda: self._greetings.discard(greeting))
        self._greetings.add(greeting)

    def _accepted(self, linked: socket.socket, peer: tuple[str, int], upstream: str = "") -> None:
        connection = Connection(linked, peer, self._runtime, self._over)
        self._put_all_on(connection)
        connection.begin(self._runtime.names, split_address(upstream or self.upstream_address))

    def _session_begun(self, session: Session) -> None:
        session.over = self._over
        self._put_all_on(session)
        session.begin(split_address(self.upstream_address))

    def _put_all_on(self, connection: Carried) -> None:
        self.connections.add(connection)
        if self.base_delay_ms:
            for stream in connection.streams.values():
                stream.add(_BASE_DELAY, Delay(self._runtime, self.base_delay_ms))
        for toxic in self.toxics.values():
            self._apply(toxic, connection)

    def _over(self, connection: Carried) -> None:
        self._past = _sum(self._past, _traffic(connection))
        self.connections.discard(connection)

    def _apply(self, toxic: NamedToxic, connection: Carried) -> None:
        """Have the toxic on the connection, if that draws it, as it is now."""
        if not toxic.is_for(connection.client_host, self._runtime.random):
            _take_off(toxic.name, connection)
            return
        streams = connection.streams
        there = [stage for stage in (each.stage(toxic.name) for each in streams.values()) if stage]
        if there and all(stage.update(toxic.attributes) for stage in there):
            return
        for name, stage in toxic.stages(self._runtime).items():
            stage.line = Line(connection, name)
            if there:
                streams[name].replace(toxic.name, stage)
            else:
                streams[name].add(toxic.name, stage, self._position(toxic.name, streams[name].names))

    def _position(self, name: str, others: list[str]) -> int:
        """Behind the distance and all older toxics."""
        order = [_BASE_DELAY, *self.toxics]
        return sum(1 for other in others if order.index(other) < order.index(name))

    def _forget_expiry(self, name: str) -> None:
        timer = self._expiries.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _await_expiry(self, name: str, expires_at: float) -> None:
        remaining = expires_at - time.time()
        if remaining <= 0:
            self.remove(name)
            return
        # In small steps: the timer's clock stands still while a laptop sleeps, and the clock on the wall may be set.
        wait = min(remaining, _LOOK_AGAIN_SECONDS)
        self._expiries[name] = self._runtime.later(wait, lambda: self._await_expiry(name, expires_at))


def _take_off(name: str, connection: Carried) -> None:
    for stream in connection.streams.values():
        stream.remove(name)


def _traffic(connection: Carried) -> Traffic:
    up, down = connection.upstream, connection.downstream
    return up.received_bytes, up.sent_bytes, down.received_bytes, down.sent_bytes


def _sum(one: Traffic, other: Traffic) -> Traffic:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]
