"""All proxies of a process, and what the API does to them as a whole: each act is done, or leaves things as they were.

Belongs to the thread that carries bytes. Only `resolve` is for another: looking up a name takes its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from chaos.model.errors import BadInput
from chaos.proxy.address import BadAddress, listening
from chaos.proxy.body import ApiError
from chaos.proxy.config import ProxyConfig, split_address
from chaos.proxy.proxy import Proxy
from chaos.proxy.proxy_request import Wanted
from chaos.proxy.toxic import NamedToxic


class Resolved(Struct, frozen=True):
    """What is wanted, with the address to listen on in numbers, or why it cannot be one (in Go's words)."""

    wanted: Wanted
    address: str = ""
    problem: str = ""


def resolve(wanted: Wanted) -> Resolved:
    try:
        return Resolved(wanted, listening(wanted.listen))
    except BadAddress as error:
        return Resolved(wanted, problem=str(error))


class Proxies:
    """By name, in the order of creation. `make` makes a proxy that does not listen yet; `ended` is told of its end."""

    def __init__(self, make: Callable[[ProxyConfig], Proxy], ended: Callable[[Proxy], None]) -> None:
        self._make = make
        self._ended = ended
        self._proxies: dict[str, Proxy] = {}

    def __getitem__(self, name: str) -> Proxy:
        if name not in self._proxies:
            raise ApiError(404, "proxy not found")
        return self._proxies[name]

    def all(self) -> list[Proxy]:
        return list(self._proxies.values())

    def create(self, asked: Resolved) -> Proxy:
        name = asked.wanted.name
        if name in self._proxies:
            raise ApiError(409, "proxy already exists")
        if asked.problem:
            raise ApiError(500, f"listen tcp: {asked.problem}")
        self._proxies[name] = self._open(asked)
        return self._proxies[name]

    def update(self, asked: Resolved) -> Proxy:
        """Its connections stay if neither address changes; what `wanted` has no toxics for keeps those it has."""
        old = self[asked.wanted.name]
        if asked.problem:
            raise ApiError(500, asked.problem)
        return self._change(old, asked, asked.wanted.toxics)

    def populate(self, asked: Sequence[Resolved]) -> tuple[list[Proxy], ApiError | None]:
        """Those that are as they should be now, in order, and what ended it early."""
        done: list[Proxy] = []
        for each in asked:
            try:
                done.append(self._populated(each))
            except ApiError as error:
                return done, error
        return done, None

    def delete(self, name: str) -> None:
        self._end(self[name])
        del self._proxies[name]

    def reset(self, enabled: Sequence[Resolved]) -> None:
        """Remove all toxics and enable these. One that cannot listen is raised when all the others are done."""
        for proxy in self.all():
            proxy.clear()
        error: ApiError | None = None
        for each in enabled:
            try:
                self.update(each)
            except ApiError as failed:
                error = error or failed
        if error is not None:
            raise error

    def close(self) -> None:
        for proxy in self.all():
            proxy.close()

    def _populated(self, asked: Resolved) -> Proxy:
        old = self._proxies.get(asked.wanted.name)
        if old is None:
            return self.create(asked)
        if asked.problem:
            raise ApiError(500, asked.problem)
        kept = None if _is_at(old, asked) else ()
        return self._change(old, asked, kept if asked.wanted.toxics is None else asked.wanted.toxics)

    def _change(self, old: Proxy, asked: Resolved, toxics: tuple[NamedToxic, ...] | None) -> Proxy:
        """As asked, with these toxics or, if None, those it has."""
        if old.is_listening == asked.wanted.enabled and _is_at(old, asked):
            if toxics is not None:
                _set_toxics(old, toxics)
            return old
        kept = tuple(old.toxics.values()) if toxics is None else toxics
        proxy = self._replace(old, replace(asked, wanted=replace(asked.wanted, toxics=kept)))
        self._proxies[proxy.name] = proxy
        return proxy

    def _replace(self, old: Proxy, asked: Resolved) -> Proxy:
        """The new one listens before the old one ends, unless they share a port."""
        before = as_wanted(old)
        if not (old.is_listening and asked.wanted.enabled and _port(old.listen_address) == _port(asked.address)):
            proxy = self._open(asked)
            self._end(old)
            return proxy
        self._end(old)
        try:
            return self._open(asked)
        except ApiError:
            self._proxies[old.name] = self._open(Resolved(before, before.listen))
            raise

    def _open(self, asked: Resolved) -> Proxy:
        wanted = asked.wanted
        listen = asked.address if wanted.enabled else wanted.listen
        config = ProxyConfig(
            name=wanted.name,
            listen=listen,
            upstream=wanted.upstream,
            base_delay_ms=wanted.base_delay_ms,
            protocol=wanted.protocol,
            idle_timeout=wanted.idle_timeout,
            routes=wanted.routes,
        )
        proxy = self._make(config)
        if wanted.enabled:
            try:
                proxy.listen()
            except BadInput as error:
                raise ApiError(500, _bind_text(listen, error)) from error
        for toxic in wanted.toxics or ():
            proxy.add(toxic)
        return proxy

    def _end(self, proxy: Proxy) -> None:
        proxy.close()
        self._ended(proxy)
        proxy.clear()


def as_wanted(proxy: Proxy) -> Wanted:
    """What would make a proxy what it is."""
    return Wanted(
        name=proxy.name,
        listen=proxy.listen_address,
        upstream=proxy.upstream_address,
        enabled=proxy.is_listening,
        base_delay_ms=proxy.config.base_delay_ms,
        protocol=proxy.config.protocol,
        idle_timeout=proxy.config.idle_timeout,
        routes=proxy.config.routes,
        toxics=tuple(proxy.toxics.values()),
    )


def _is_at(proxy: Proxy, asked: Resolved) -> bool:
    wanted = asked.wanted
    way = proxy.config
    carries_so = (way.protocol, way.base_delay_ms, way.idle_timeout, way.routes)
    return (
        carries_so == (wanted.protocol, wanted.base_delay_ms, wanted.idle_timeout, wanted.routes)
        and proxy.upstream_address == wanted.upstream
        and proxy.listen_address in (asked.address, wanted.listen)
    )


def _set_toxics(proxy: Proxy, toxics: Iterable[NamedToxic]) -> None:
    """So that it has exactly these; one that is only changed goes on with what it holds."""
    wanted = {toxic.name: toxic for toxic in toxics}
    for name, old in list(proxy.toxics.items()):
        new = wanted.get(name)
        if new is None or (new.type, new.stream) != (old.type, old.stream):
            proxy.remove(name)
    for name, toxic in wanted.items():
        if name in proxy.toxics:
            proxy.update(toxic)
        else:
            proxy.add(toxic)


def _port(address: str) -> int:
    return split_address(address)[1]


def _bind_text(address: str, error: BadInput) -> str:
    """In Go's words, since clients show them."""
    cause = error.__cause__
    reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(error)
    return f"listen tcp {address}: bind: {reason.lower()}"
