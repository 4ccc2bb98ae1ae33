"""Discovery by DNS, as Kubernetes has it: the addresses of a headless Service are those of its ready pods.

The instances of a service in a region are the addresses of SERVICE-REGION.DOMAIN, all at the port of who asks. One that
stands in the configuration has a name of its own (a pod of a StatefulSet) and is there while that has an address.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence

from target_platform.kit.config import Endpoint
from target_platform.kit.source import Listing, SourceFailed

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""The IPv4 addresses of a name; none when there is no such name. Raises OSError when nobody can tell."""

ANSWER_SECONDS = 3.0
_NO_SUCH_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)


class DnsNames:
    """`configured` has a key for every service that is looked up; without endpoints its instances have no names."""

    def __init__(
        self, domain: str, port: int, regions: Sequence[str], configured: Mapping[str, Sequence[Endpoint]]
    ) -> None:
        self._domain = domain
        self._port = port
        self._regions = regions
        self._configured = configured
        self.resolve: Resolve = addresses_of

    async def read(self) -> Listing:
        """Raises SourceFailed when any name cannot be looked up: half a list would pass for a whole one."""
        services = list(self._configured)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await asyncio.gather(*(self._instances(each) for each in services))
        except TimeoutError as error:
            raise SourceFailed(f"DNS did not answer within {ANSWER_SECONDS:.0f} s") from error
        except OSError as error:
            raise SourceFailed(f"DNS cannot look up names in {self._domain}: {error.strerror}") from error
        return Listing(services=dict(zip(services, found, strict=True)))

    async def _instances(self, service: str) -> tuple[Endpoint, ...]:
        named = self._configured[service]
        looked_up = [self._named(each) for each in named] or [self._unnamed(service, each) for each in self._regions]
        return tuple(endpoint for group in await asyncio.gather(*looked_up) for endpoint in group)

    async def _named(self, endpoint: Endpoint) -> list[Endpoint]:
        host, _, port = endpoint.address.rpartition(":")
        return [
            Endpoint(instance=endpoint.instance, region=endpoint.region, address=f"{address}:{port}")
            for address in (await self.resolve(host))[:1]
        ]

    async def _unnamed(self, service: str, region: str) -> list[Endpoint]:
        found = await self.resolve(f"{service}-{region}.{self._domain}")
        return [
            Endpoint(instance=instance_at(region, service, each), region=region, address=f"{each}:{self._port}")
            for each in found
        ]


def instance_at(region: str, service: str, address: str) -> str:
    """What an instance without a name is called: the same by all who look it up, and another one at another address."""
    return f"{region}/{service}@{address}"


async def addresses_of(name: str) -> Sequence[str]:
    """As the system resolves it. The name is whole: no search domain is tried."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(f"{name}.", None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NO_SUCH_NAME:
            return ()
        raise
    return sorted({str(address[0]) for *_, address in found})
