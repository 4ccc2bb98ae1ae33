"""The fault proxy inside a test: in a thread of the test's own process, with or without pytest.

    with FaultProxy() as faults:
        redis = faults.to("127.0.0.1:6379")
        client = connect(redis.host, redis.port)
        with redis.latency(ms=200):
            ...

A proxied link is on a free port of the loopback. With pytest, the fixture `fault_proxy` is such a FaultProxy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from random import Random
from types import TracebackType
from typing import Any, Literal, Self

from chaos.model.errors import BadInput
from chaos.proxy.body import ApiError
from chaos.proxy.config import ProxyConfig, split_address
from chaos.proxy.loop import Loop
from chaos.proxy.proxy import Proxy
from chaos.proxy.server import Server
from chaos.proxy.toxic_request import ToxicRequest, make_toxic
from chaos.proxy.toxics import Runtime, toxic_type, toxic_types

_BESIDE_ATTRIBUTES = {*ToxicRequest.__struct_fields__} - {"type", "attributes"}


class FaultProxy:
    """Proxies for the services that a test talks to, until `close` or the end of the `with`.

    The same `seed` gives the same jitter, losses and shares of connections again.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._loop = Loop()
        self._server = Server(Runtime(self._loop, Random(seed)))
        self._loop.start()
        self._is_open = True

    def to(self, upstream: str, listen: str = "127.0.0.1:0", protocol: Literal["tcp", "udp"] = "tcp") -> ProxiedLink:
        """A link to a service at "host:port", which need not be there yet. Raises BadInput for a wrong address."""
        split_address(upstream)
        name = f"{upstream} #{len(self._server.proxies) + 1}"
        config = ProxyConfig(name=name, listen=listen, upstream=upstream, protocol=protocol)
        return ProxiedLink(self._loop, self._loop.ask(lambda: self._server.add(config)))

    def close(self) -> None:
        """End all links with their connections."""
        if self._is_open:
            self._is_open = False
            self._loop.ask(self._server.close)
            self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class ProxiedLink:
    """One service, as the test reaches it through the proxy.

    Each toxic begins with the call that asks for it and ends with its `with`, its `remove`, or `reset`. All take what
    stands beside the attributes of a toxic, too: stream, toxicity, clients, sni, schedule, ttl.
    """

    def __init__(self, loop: Loop, proxy: Proxy) -> None:
        self._loop = loop
        self._proxy = proxy
        self._count = 0

    @property
    def address(self) -> str:
        """ "host:port" to connect to, in place of the service's own."""
        return self._proxy.listen_address

    @property
    def host(self) -> str:
        return split_address(self.address)[0]

    @property
    def port(self) -> int:
        return split_address(self.address)[1]

    @property
    def connection_count(self) -> int:
        """How many are open through it."""
        return self._loop.ask(lambda: len(self._proxy.connections))

    def toxic(self, kind: str, **values: Any) -> AppliedToxic:
        """Put on any toxic of docs/reference/toxics.md, by its attributes. Raises BadInput, saying what is wrong."""
        beside = {name: value for name, value in values.items() if name in _BESIDE_ATTRIBUTES}
        attributes = {name: value for name, value in values.items() if name not in _BESIDE_ATTRIBUTES}
        _check(kind, attributes)
        self._count += 1
        asked = {"name": f"{kind} #{self._count}", **beside, "type": kind, "attributes": attributes}
        try:
            toxic = make_toxic(asked, self._proxy.toxics, self._proxy.config.protocol)
        except ApiError as error:
            raise BadInput(f"toxic {kind}: {error.text.removeprefix('bad request body: ')}") from error
        self._loop.ask(lambda: self._proxy.add(toxic))
        return AppliedToxic(self._loop, self._proxy, toxic.name)

    def latency(self, ms: int, jitter_ms: int = 0, **values: Any) -> AppliedToxic:
        """Delay what the service answers; with stream="both" each direction."""
        return self.toxic("latency", latency=ms, jitter=jitter_ms, **values)

    def bandwidth(self, kilobytes_per_second: int, **values: Any) -> AppliedToxic:
        return self.toxic("bandwidth", rate=kilobytes_per_second, **values)

    def timeout(self, ms: int = 0, **values: Any) -> AppliedToxic:
        """A black hole: nothing gets through; connections end after `ms`, with 0 only when the toxic goes."""
        return self.toxic("timeout", timeout=ms, **values)

    def reset_peer(self, ms: int = 0, **values: Any) -> AppliedToxic:
        """Reset each connection `ms` after something is sent over it."""
        return self.toxic("reset_peer", timeout=ms, **values)

    def slow_close(self, ms: int, **values: Any) -> AppliedToxic:
        return self.toxic("slow_close", delay=ms, **values)

    def limit_data(self, bytes_each: int, **values: Any) -> AppliedToxic:
        """End each connection after so many bytes."""
        return self.toxic("limit_data", bytes=bytes_each, **values)

    def slicer(self, average_bytes: int, **values: Any) -> AppliedToxic:
        return self.toxic("slicer", average_size=average_bytes, **values)

    def packet_loss(self, loss_rate: float, **values: Any) -> AppliedToxic:
        return self.toxic("packet_loss", loss_rate=loss_rate, **values)

    def loss_stall(self, loss_rate: float, stall_ms: int = 200, **values: Any) -> AppliedToxic:
        return self.toxic("loss_stall", loss_rate=loss_rate, stall=stall_ms, **values)

    def http_status(self, status: int = 503, **values: Any) -> AppliedToxic:
        return self.toxic("http_status", status=status, **values)

    def http_delay(self, ms: int, **values: Any) -> AppliedToxic:
        return self.toxic("http_delay", delay=ms, **values)

    def http_body(self, **values: Any) -> AppliedToxic:
        """With truncate=BYTES or replace=TEXT."""
        return self.toxic("http_body", **values)

    @contextmanager
    def down(self) -> Iterator[None]:
        """The service is gone: connections end, and new ones are refused. Afterwards it is there again."""
        self._loop.ask(self._proxy.close)
        try:
            yield
        finally:
            self._loop.ask(self._proxy.listen)

    def reset(self) -> None:
        """Remove all toxics."""
        self._loop.ask(self._proxy.clear)


class AppliedToxic:
    """A toxic that is on a link; in a `with`, until its end."""

    def __init__(self, loop: Loop, proxy: Proxy, name: str) -> None:
        self._loop = loop
        self._proxy = proxy
        self.name = name

    def remove(self) -> None:
        """Take it off; what it held back is delivered. No harm if it is gone."""
        self._loop.ask(lambda: self._proxy.remove(self.name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.remove()


def _check(kind: str, attributes: Mapping[str, object]) -> None:
    """The API ignores what it does not know, as Toxiproxy does; a test that misspells something should hear of it."""
    found = toxic_type(kind)
    if found is None:
        raise BadInput(f"there is no toxic {kind!r}", f"there are {', '.join(toxic_types())}")
    unknown = [name for name in attributes if name not in found.__struct_fields__]
    if unknown:
        known = ", ".join([*found.__struct_fields__, *sorted(_BESIDE_ATTRIBUTES)])
        raise BadInput(f"the toxic {kind} has no {unknown[0]!r}", f"it takes {known}")
