"""Bytes in both directions over a link, for as long as a test goes on changing its toxics; and whether all came."""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
from functools import partial
from random import Random

import msgspec

from chaos.proxy.config import ProxyConfig
from chaos.proxy.loop import Loop
from chaos.proxy.proxy import Proxy
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Runtime, Toxic
from chaos.proxy.toxics.bandwidth import Bandwidth
from chaos.proxy.toxics.latency import Latency

SECONDS = 60


class Sender(threading.Thread):
    """Sends pieces of all sizes until told to stop, then ends its direction."""

    def __init__(self, linked: socket.socket, seed: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.hash, self.count = hashlib.blake2b(), 0
        self._socket, self._draw, self._stop_sending = linked, Random(seed), stop

    def run(self) -> None:
        stock = self._draw.randbytes(2_000_000)
        while True:  # once at least, however soon all changes are made
            # Mostly bulk, so that pipes are in use when a toxic comes, and small messages in between.
            size = self._draw.choice([20, 700, 40_000, 1_000_000])
            start = self._draw.randrange(len(stock) - size)
            piece = stock[start : start + size]
            self._socket.sendall(piece)
            self.hash.update(piece)
            self.count += size
            if self._stop_sending.is_set():
                break
        self._socket.shutdown(socket.SHUT_WR)


class Receiver(threading.Thread):
    """Takes what comes until the end of the stream."""

    def __init__(self, linked: socket.socket) -> None:
        super().__init__(daemon=True)
        self.hash, self.count = hashlib.blake2b(), 0
        self._socket = linked

    def run(self) -> None:
        while data := self._socket.recv(1_000_000):
            self.hash.update(data)
            self.count += len(data)


class Traffic:
    """Connections to `address` that reach `upstream`, busy in both directions."""

    def __init__(self, address: str, upstream: socket.socket, connections: int) -> None:
        self._stop = threading.Event()
        self._sockets: list[socket.socket] = []
        self._pairs: list[tuple[Sender, Receiver]] = []
        host, port = address.split(":")
        for seed in range(connections):
            client = socket.create_connection((host, int(port)), timeout=SECONDS)
            server, _ = upstream.accept()
            server.settimeout(SECONDS)
            self._sockets += [client, server]
            for one, other in ((client, server), (server, client)):
                self._pairs.append((Sender(one, seed, self._stop), Receiver(other)))
        for sender, receiver in self._pairs:
            sender.start()
            receiver.start()

    def finish(self) -> bool:
        """Stop sending, and wait until what was sent has come. Whether all of it has, and nothing else."""
        self._stop.set()
        for sender, receiver in self._pairs:
            sender.join(SECONDS)
            receiver.join(SECONDS)
        came = [
            sender.count > 0
            and not receiver.is_alive()
            and (sender.count, sender.hash.digest()) == (receiver.count, receiver.hash.digest())
            for sender, receiver in self._pairs
        ]
        return all(came)

    def close(self) -> None:
        self._stop.set()
        for linked in self._sockets:
            linked.close()


class Changing:
    """A link whose toxics are changed."""

    def __init__(self, upstream_port: int) -> None:
        self._loop = Loop()
        config = ProxyConfig(name="l", listen="127.0.0.1:0", upstream=f"127.0.0.1:{upstream_port}")
        self._proxy = Proxy(config, Runtime(self._loop, Random(1)))
        self._loop.start()
        self._loop.ask(self._proxy.listen)
        self.address = self._proxy.listen_address

    def change_toxics(self, changes: int, seed: int) -> None:
        """Add, update and remove as often as that, two at most at a time on each direction."""
        done = threading.Event()
        self._loop.ask(lambda: self._change(Random(seed), changes, done))
        assert done.wait(SECONDS)

    def _change(self, draw: Random, left: int, done: threading.Event) -> None:
        """Some in each turn of the loop, between pieces that it carries."""
        for _ in range(20):
            name, action = draw.choice("abcd"), draw.choice([self._add, self._update, self._remove])
            left -= action(draw, name)
        if left > 0:
            self._loop.later(0, partial(self._change, draw, left, done))
        else:
            self._proxy.clear()
            done.set()

    def close(self) -> None:
        self._loop.ask(self._proxy.close)
        self._loop.stop()

    def _add(self, draw: Random, name: str) -> bool:
        if name in self._proxy.toxics:
            return False
        attributes = _drawn(draw)
        self._proxy.add(
            NamedToxic(
                name=name,
                type=type(attributes).__name__,
                stream="upstream" if name in "ab" else "downstream",
                toxicity=draw.choice([0.5, 1.0]),
                attributes=attributes,
            )
        )
        return True

    def _update(self, draw: Random, name: str) -> bool:
        if name in self._proxy.toxics:
            former = self._proxy.toxics[name]
            same_type = [drawn for drawn in (_drawn(draw) for _ in range(50)) if type(drawn) is type(former.attributes)]
            toxicity = draw.choice([0.5, 1.0])
            self._proxy.update(msgspec.structs.replace(former, attributes=same_type[0], toxicity=toxicity))
            return True
        return False

    def _remove(self, draw: Random, name: str) -> bool:
        return self._proxy.remove(name)


def _drawn(draw: Random) -> Toxic:
    if draw.random() < 0.3:
        return Bandwidth(rate=draw.choice([20_000, 200_000]))
    return Latency(latency=draw.choice([0, 1, 20]), jitter=draw.choice([0, 1, 10]))


def main(arguments: list[str]) -> int:
    """ADDRESS UPSTREAM_PORT CONNECTIONS: a process of its own, busy until its input ends. 0 when all bytes came."""
    address, port, connections = arguments
    with socket.create_server(("127.0.0.1", int(port))) as upstream:
        upstream.settimeout(SECONDS)
        traffic = Traffic(address, upstream, int(connections))
        print("busy", flush=True)
        sys.stdin.read()
        all_came = traffic.finish()
        traffic.close()
    return 0 if all_came else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
