"""What a service declares, and what its handlers are given.

SERVICE = Service(name="gateway", calls=("catalog",), criticality="critical", routes=routes)

def routes(instance: Instance) -> list[Route]: ...
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from target_platform.kit.answer import problem
from target_platform.kit.call import Calls, Fallback
from target_platform.kit.client import Ask, Client, Reply
from target_platform.kit.config import InstanceConfig
from target_platform.kit.dependency import Dependency
from target_platform.kit.errors import CallFailed, PolicyError
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import Policies
from target_platform.kit.registry import Registry
from target_platform.kit.source import Source
from target_platform.kit.sources import source_of

log = logging.getLogger("kit")


class Service(Struct, frozen=True, kw_only=True):
    """A kind of instance.

    `calls` are the services it calls; `refers_to` those whose addresses it only hands out. `fallbacks` are the names
    that policies may choose from. `routes` is called once in each process, inside its event loop. What `keeps_data` has
    instances that are not interchangeable: each has a name and a disk of its own.
    """

    name: str
    routes: Callable[[Instance], Sequence[Route]]
    criticality: Literal["critical", "degradable"]
    calls: tuple[str, ...] = ()
    refers_to: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    replicas: int = 2
    keeps_data: bool = False


class Instance:
    """One running copy of a service. Create it inside the event loop, and close it there.

    `source` tells it which instances of the others exist; the one its `config` names, if none is given.
    """

    def __init__(
        self, service: Service, config: InstanceConfig, policies: Policies, source: Source | None = None
    ) -> None:
        check_fallbacks(service, policies)
        self.service = service
        self.config = config
        self.policies = policies
        self.metrics = Metrics()
        self._client = Client()
        self._background: set[asyncio.Task[None]] = set()
        self.registry = self._discovering(source or source_of(config))
        dependencies = [
            Dependency(config, callee, policies.of(config.service, callee), self.registry, self.metrics)
            for callee in service.calls
        ]
        self._calls = Calls(config.service, dependencies, self.metrics, self._client)
        self._at_close: list[Callable[[], Awaitable[None]]] = []

    async def call(self, callee: str, ask: Ask | str, fallbacks: dict[str, Fallback] | None = None) -> Reply:
        """Ask another service; a path alone is a GET. See Calls.call."""
        return await self._calls.call(callee, Ask(path=ask) if isinstance(ask, str) else ask, fallbacks)

    def every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do some work now and then again, until the instance is closed. A failed call is left for the next time."""
        task = asyncio.create_task(_again_and_again(seconds, work))
        self._background.add(task)

    def at_close(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this when the instance is closed: after its last request, its repeated work and what was added later."""
        self._at_close.append(work)

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for work in reversed(self._at_close):
            await work()
        await self._client.close()

    def _discovering(self, source: Source | None) -> Registry:
        policy = self.policies.discovery
        registry = Registry(self.config.endpoints, policy, self.metrics, source)
        if source is not None:
            self.every(policy.every_seconds, registry.refresh)
        return registry


def check_fallbacks(service: Service, policies: Policies) -> None:
    """Raises PolicyError for a fallback that the service does not offer: found at the start, not in the outage."""
    for callee in service.calls:
        chosen = policies.of(service.name, callee).fallback
        if chosen not in ("none", *service.fallbacks):
            offered = ", ".join(("none", *service.fallbacks))
            raise PolicyError(
                f"calls.{service.name}>{callee}.fallback: {service.name} offers no {chosen!r} (it offers: {offered})"
            )


def application(instance: Instance) -> Starlette:
    """The service's routes, with failures of dependencies turned into answers."""
    return Starlette(
        routes=instance.service.routes(instance),
        exception_handlers={CallFailed: _dependency_failed, HTTPException: _refused},
    )


async def _dependency_failed(request: Request, failure: Exception) -> Response:
    late = isinstance(failure, CallFailed) and failure.kind in ("timeout", "deadline")
    return problem(504 if late else 503, str(failure))


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)
    response = problem(refusal.status_code, refusal.detail)
    response.headers.update(refusal.headers or {})
    return response


async def _again_and_again(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except CallFailed as failure:
            log.info("background work: %s", failure)
        except Exception:  # one answer that nobody expected must not end it for good
            log.exception("background work")
        await asyncio.sleep(seconds)
