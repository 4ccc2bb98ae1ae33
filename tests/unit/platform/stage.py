"""The stage of the services' tests: some of the bundled services in one event loop, talking over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yaml

from target_platform import services
from target_platform.delivery.territory import Badge
from target_platform.kit.access_log import Served
from target_platform.kit.claims import Claims
from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.kit.device import device_key, proof
from target_platform.kit.serve import access_log_path, running
from target_platform.kit.service import Instance
from target_platform.kit.tokens import Tokens
from target_platform.weaknesses import effective_policies

REGIONS = ("here", "there")
NOBODY = "127.0.0.1:1"
SESSION_KEY = "key"


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Platform:
    """Instances by name, "REGION/SERVICE-1"."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession) -> None:
        self._folder = folder
        self._session = session
        self.instances: dict[str, Instance] = {}

    def config(self, name: str, **settings: str) -> InstanceConfig:
        """Knows the instances that run already; of a called service that does not run there is one that is dead."""
        region, _, rest = name.partition("/")
        policies = self._folder / "policies.yaml"
        if not policies.exists():
            policies.write_text(patient(effective_policies()))
        service = services.load(rest.rpartition("-")[0])
        return InstanceConfig(
            name=name,
            service=service.name,
            region=region,
            port=0,
            regions=REGIONS,
            policies_file=str(policies),
            data_dir=str(self._folder / "data" / name),
            log_dir=str(self._folder / "logs" / region),
            endpoints={other: self._endpoints(other) for other in (*service.calls, *service.refers_to)},
            settings={
                "media_dir": str(self._folder / "media"),
                "accounts_file": str(self._folder / region / "accounts.sqlite"),
                "session_key": SESSION_KEY,
                "licence_secret": "secret",
                **settings,
            },
        )

    async def ask(self, name: str, path: str, method: str = "GET", **options: Any) -> Answer:
        """Ask an instance; the path is sent as it stands."""
        from yarl import URL

        url = URL(f"http://{self.address(name)}{path}", encoded=True)
        async with self._session.request(method, url, **options) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.instances[name].config.port}"

    def log(self, name: str) -> list[Served]:
        """What it was asked, but for what all ask the origin again and again."""
        lines = access_log_path(self.instances[name].config).read_bytes().splitlines()
        return [each for line in lines if (each := msgspec.json.decode(line, type=Served)).path != "/published"]

    def _endpoints(self, service: str) -> tuple[Endpoint, ...]:
        found = [
            Endpoint(instance=name, region=each.config.region, address=self.address(name))
            for name, each in self.instances.items()
            if each.service.name == service
        ]
        return tuple(found) or (Endpoint(instance=f"here/{service}-1", region="here", address=NOBODY),)


def patient(text: str) -> str:
    """The same policies with twenty times the time for each call: on a busy machine what is well may take long, too."""
    policies = yaml.safe_load(text)
    for each in (policies["defaults"], *policies["calls"].values()):
        each |= {key: 20 * each[key] for key in ("deadline_ms", "attempt_ms") if key in each}
    changed: str = yaml.safe_dump(policies)
    return changed


def badge() -> dict[str, str]:
    """What one cache shows another."""
    return Badge(SESSION_KEY).headers()


def signed_in(user: str = "viewer-1", plan: str = "", device: str = "") -> dict[str, str]:
    """The header of somebody whose session is good, whoever issued it; for longer than any run of the tests."""
    subject = Claims(user, plan, device).subject
    return {"Authorization": f"Bearer {Tokens(SESSION_KEY).issue(subject, 'session', 3600)}"}


def proven(what: str, user: str, device: str, at: float | None = None) -> dict[str, Any]:
    """What a device shows with a wish, made at an epoch second of its own clock."""
    asked_at = int(time.time() if at is None else at)
    return {"asked_at": asked_at, "proof": proof(device_key(SESSION_KEY, Claims(user, "", device)), what, asked_at)}


@asynccontextmanager
async def platform(folder: Path, names: Iterable[str], **settings: str) -> AsyncIterator[Platform]:
    """Starts instances in the order of their names as given: those that are called first."""
    async with AsyncExitStack() as stack:
        made = Platform(folder, await stack.enter_async_context(aiohttp.ClientSession()))
        for name in names:
            config = made.config(name, **settings)
            made.instances[name] = await stack.enter_async_context(running(services.load(config.service), config))
        yield made


def visit(folder: Path, names: Iterable[str], play: Callable[[Platform], Awaitable[None]], **settings: str) -> None:
    """Run a play on a stage of its own, for 50 s at most."""

    async def run() -> None:
        async with asyncio.timeout(50), platform(folder, names, **settings) as made:
            await play(made)

    asyncio.run(run())


def media(folder: Path, **files: bytes) -> None:
    """Files below the media folder; `__` in a name is a dot."""
    (folder / "media" / "720p").mkdir(parents=True)
    for name, content in files.items():
        (folder / "media" / name.replace("__", ".")).write_bytes(content)
