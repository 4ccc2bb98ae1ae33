"""The stage of the kit's tests: real instances on loopback that answer, fail, hang or break off as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from target_platform.kit.call import Calls
from target_platform.kit.client import Client
from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.kit.dependency import Dependency
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import CallPolicy, DiscoveryPolicy, Policies
from target_platform.kit.registry import Registry
from target_platform.kit.source import Listing

REGIONS = ("here", "there")


class Instance:
    """`behaviour` is "ok", "hang", "reset" or a status such as "503"; it may be changed at any time."""

    def __init__(self, name: str, region: str, behaviour: str) -> None:
        self.name = name
        self.region = region
        self.behaviour = behaviour
        self.seen: list[dict[str, str]] = []
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def calls(self) -> int:
        return len(self.seen)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(instance=self.name, region=self.region, address=f"127.0.0.1:{self.port}")

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted transport is closed by the loop's next round

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(lambda _: writer.transport.abort())  # also of one cancelled before its first step

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                self.seen.append(head)
                if self.behaviour == "hang":
                    await asyncio.sleep(3600)
                if self.behaviour == "reset":
                    return
                status = 200 if self.behaviour == "ok" else int(self.behaviour)
                body = self.name.encode()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        except ConnectionError:
            pass  # the caller went away
        finally:
            writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> dict[str, str]:
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return {}
    method, path, _ = lines[0].split()
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    return {":method": method, ":path": path, **{name.lower(): value for name, value in headers.items()}}


class _Said:
    """A source of discovery that says what it was told last."""

    listing: Listing | None = None

    async def read(self) -> Listing | None:
        return self.listing


class Stage:
    """`calls` is what the service "caller" in region "here" calls; its dependency is called "callee"."""

    def __init__(self, instances: Sequence[Instance], policy: Mapping[str, Any]) -> None:
        self.instances = instances
        self.metrics = Metrics()
        self._client = Client()
        config = InstanceConfig(
            name="here/caller-1",
            service="caller",
            region="here",
            port=0,
            regions=REGIONS,
            policies_file="",
            data_dir="",
            log_dir="",
            endpoints={"callee": tuple(each.endpoint for each in instances)},
        )
        discovery = DiscoveryPolicy(believed=policy.get("believed", False))
        calls = {key: value for key, value in policy.items() if key != "believed"}
        self.policies = policies = Policies(calls={"caller>callee": msgspec.convert(calls, CallPolicy)})
        self._source = _Said()
        self.registry = Registry(config.endpoints, discovery, self.metrics, self._source)
        dependency = Dependency(config, "callee", policies.of("caller", "callee"), self.registry, self.metrics)
        self.calls = Calls("caller", [dependency], self.metrics, self._client)

    async def hear(self, services: Mapping[str, tuple[Endpoint, ...]]) -> None:
        """Have discovery list these."""
        self._source.listing = Listing(services=services)
        await self.registry.refresh()

    @property
    def total(self) -> int:
        return sum(each.calls for each in self.instances)

    def metric(self, line: str) -> float:
        """The value of the metric whose line begins so."""
        [found] = [text for text in self.metrics.text().decode().splitlines() if text.startswith(line + " ")]
        return float(found.rpartition(" ")[2])

    async def close(self) -> None:
        await self._client.close()


@asynccontextmanager
async def stage(behaviours: Mapping[str, str], **policy: Any) -> AsyncIterator[Stage]:
    """Instances by name and behaviour ("there-1" is in the other region), and somebody who calls them."""
    instances = [Instance(name, name.partition("-")[0], behaviour) for name, behaviour in behaviours.items()]
    for each in instances:
        await each.start()
    made = Stage(instances, policy)
    try:
        yield made
    finally:
        await made.close()
        for each in instances:
            await each.stop()


def config_for(folder: Path, service: str, endpoints: dict[str, tuple[Endpoint, ...]] | None = None) -> InstanceConfig:
    """An instance on a free port whose files are below a folder."""
    return InstanceConfig(
        name=f"here/{service}-1",
        service=service,
        region="here",
        port=0,
        regions=REGIONS,
        policies_file=str(folder / "policies.yaml"),
        data_dir=str(folder / "data"),
        log_dir=str(folder / "logs"),
        endpoints=endpoints or {},
    )
