"""How the launcher brings up each kind of process: a region's proxy, the zygote, a bundled service, a command."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from target_platform.launcher.bounded import bound
from target_platform.launcher.folder import Folder, replace_file
from target_platform.launcher.fork import Birth, execute, fork_session
from target_platform.launcher.keeper import Recipe
from target_platform.launcher.process import Identity
from target_platform.launcher.readiness import until_ready
from target_platform.launcher.spec import InstanceSpec, LaunchSpec, ProxySpec
from target_platform.launcher.zygote import ForkRequest
from target_platform.launcher.zygote_client import ZygoteClient

ZYGOTE_COMMAND = (sys.executable, "-m", "target_platform.launcher.zygote")

Cleared = Callable[[], Awaitable[None]]
Start = Callable[[], Awaitable[Identity]]

log = logging.getLogger("launcher")


class Recipes:
    """Builds recipes. `zygote_command` starts a zygote with `--socket PATH` appended."""

    def __init__(self, folder: Folder, spec: LaunchSpec, zygote_command: tuple[str, ...] = ZYGOTE_COMMAND) -> None:
        self._folder = folder
        self._spec = spec
        self._zygote_command = zygote_command
        self._zygote_socket = folder.socket("zygote")
        self._zygote = ZygoteClient(self._zygote_socket)
        self.unlimited: dict[str, str] = {}
        """Why the data of an instance has no limit although it is to have one, by the instance's name."""

    def instance(self, instance: InstanceSpec, cleared: Cleared) -> Recipe:
        birth = self._birth(instance.name, self._folder.log(instance.name, instance.region), instance.environment)
        if instance.command:
            command = [part.replace("{port}", str(instance.port)) for part in instance.command]
            start = _spawn(birth, command, instance.directory)
        else:
            start = self._forked(ForkRequest(birth, instance.service, instance.config))
        if instance.data_limit_bytes:
            start = self._bounded(instance, start)
        return Recipe(cleared, start, lambda: until_ready(instance.port, instance.ready_path))

    def proxy(self, proxy: ProxySpec, cleared: Cleared) -> Recipe:
        """Its configuration is written anew before each start: a proxy that died comes back without toxics."""
        config = self._folder.proxy_config(proxy.region)
        command = [*self._spec.proxy_command, "--api-port", str(proxy.api_port), "--config", str(config)]
        birth = self._birth(f"proxy-{proxy.region}", self._folder.log("proxy", proxy.region), {})
        spawn = _spawn(birth, command)

        async def start() -> Identity:
            replace_file(config, self._proxy_config(proxy.region))
            return await spawn()

        return Recipe(cleared, start, lambda: until_ready(proxy.api_port, "/version"))

    def zygote(self, cleared: Cleared) -> Recipe:
        birth = self._birth("zygote", self._folder.log("zygote"), {})
        spawn = _spawn(birth, [*self._zygote_command, "--socket", str(self._zygote_socket)])

        async def start() -> Identity:
            left = self._folder.socket_to_bind("zygote")  # of one that is gone: nobody may take it for the new one's
            left.unlink(missing_ok=True)
            return await spawn()

        return Recipe(cleared, start, self._zygote.until_ready)

    def _bounded(self, instance: InstanceSpec, start: Start) -> Start:
        """It runs either way: what a limit is for, a fault that fills the disk, looks itself whether there is one."""

        async def begin() -> Identity:
            why = bound(Path(instance.keeps_data_in), instance.data_limit_bytes, self._folder)
            self.unlimited[instance.name] = why
            if why:
                log.info("the data of %s has no limit: %s", instance.name, why)
            return await start()

        return begin

    def _forked(self, request: ForkRequest) -> Callable[[], Awaitable[Identity]]:
        return lambda: self._zygote.fork(request)

    def _birth(self, name: str, log: Path, environment: dict[str, str]) -> Birth:
        return Birth(name, str(self._folder.record(name)), str(log), {"PYTHONUNBUFFERED": "1", **environment})

    def _proxy_config(self, region: str) -> bytes:
        proxies = [
            {
                "name": link.name,
                "listen": f"127.0.0.1:{link.listen_port}",
                "upstream": f"127.0.0.1:{link.upstream_port}",
                "base_delay_ms": link.base_delay_ms,
            }
            for link in self._spec.links
            if link.source_region == region
        ]
        return msgspec.json.format(msgspec.json.encode({"proxies": proxies}))


def _spawn(birth: Birth, command: list[str], directory: str = "") -> Callable[[], Awaitable[Identity]]:
    async def start() -> Identity:
        return fork_session(birth, lambda: execute(command, directory))

    return start
