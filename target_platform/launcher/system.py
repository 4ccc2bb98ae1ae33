"""The running system: one keeper for every process, and what can be asked of them together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from target_platform.launcher.bounded import unbind_all
from target_platform.launcher.check import check_ports_free, ports_of
from target_platform.launcher.describe import describe
from target_platform.launcher.discovery import Discovery
from target_platform.launcher.errors import LauncherError
from target_platform.launcher.folder import Folder, replace_file
from target_platform.launcher.fork import read_record
from target_platform.launcher.keeper import GRACE_SECONDS, Keeper, Recipe
from target_platform.launcher.process import stop_all
from target_platform.launcher.recipes import Recipes
from target_platform.launcher.spec import RESERVE, InstanceSpec, LaunchSpec
from target_platform.launcher.state import StateFile, read_state

RESTART_SECONDS = 30.0
"""How long all bundled instances may take to be ready again under other policies."""

FOREVER = 4102444800.0
"""Epoch seconds at which the rest of what is kept in reserve would end by itself: in the year 2100."""

log = logging.getLogger("launcher")


class System:
    """`instances` by name, `proxies` by region; `weakened` names the weaknesses in force."""

    def __init__(self, folder: Folder, spec: LaunchSpec, recipes: Recipes) -> None:
        self.folder = folder
        self.spec = spec
        self.weakened = spec.weakened
        self.unlimited = recipes.unlimited
        self.state_file = StateFile(folder.state, lambda: describe(self))
        self._change = asyncio.Event()
        self._had_their_turn: set[str] = set()
        self.instances = {each.name: self._instance(each, recipes) for each in spec.instances}
        self.proxies = {
            each.region: Keeper(f"proxy-{each.region}", recipes.proxy(each, _at_once), self._changed)
            for each in spec.proxies
        }
        self.discovery = Discovery(folder, spec, self.instances, self.state_file.changed)
        self.zygote = Keeper("zygote", recipes.zygote(_at_once), self._changed) if self._bundled() else None

    def keepers(self) -> Iterator[Keeper]:
        yield from self.proxies.values()
        if self.zygote is not None:
            yield self.zygote
        yield from self.instances.values()

    def take_over(self, stale_policies: bool) -> None:
        """Adopt what an earlier launcher left running, and its holds. Raises LauncherError for a port in use.

        With `stale_policies` the bundled services that run have read policies that are no longer in force.
        """
        before = read_state(self.folder.state)
        restarts = {each.name: each.restarts for each in before.instances} if before else {}
        adopted = set()
        for keeper in self.keepers():
            identity = read_record(self.folder.record(keeper.name))
            if identity is not None:
                keeper.adopt(identity, restarts.get(keeper.name, 0))
                self._had_their_turn.add(keeper.name)
                adopted.add(keeper.name)
                log.info("%s is adopted, pid %s", keeper.name, identity.pid)
        check_ports_free((port, user) for port, user in ports_of(self.spec) if user not in adopted)
        for name, holds in read_holds(self.folder).items():
            for holder, until in holds.items():
                if name in self.instances and until > time.time():
                    self.instances[name].hold(holder, until)
        for each in self.spec.instances:
            if each.reserve and each.name not in adopted:
                self.instances[each.name].hold(RESERVE, FOREVER)
        self.discovery.take_over()
        if stale_policies:
            for each in self._bundled():
                if each.name in adopted:
                    self.instances[each.name].restart()

    async def hold(self, names: Sequence[str], holder: str, until: float) -> None:
        """Kill these instances and keep them down; returns when the processes are gone. Raises LauncherError.

        Each holder's hold is its own: an instance stays down until the last one ends.
        """
        if until <= time.time():
            raise LauncherError("the end of a hold must lie in the future", kind="bad input")
        keepers = self._named(names)
        held = self._holds()
        self._save_holds({**held, **{name: {**held.get(name, {}), holder: until} for name in names}})
        for keeper in keepers:
            keeper.hold(holder, until)
        await self.until(lambda: all(keeper.is_held_down or keeper.held_until is None for keeper in keepers))

    async def release(self, names: Sequence[str], holder: str) -> None:
        """End a holder's holds (everybody's, for an empty name) and start what nobody holds any more.

        Returns when those have a process, or when that cannot be had at once.
        """
        keepers = [keeper for keeper in self._named(names) if keeper.holds]
        kept = {name: _without(holder, holds) if name in names else holds for name, holds in self._holds().items()}
        self._save_holds({name: holds for name, holds in kept.items() if holds})
        for keeper in keepers:
            keeper.release(holder)
        held = [keeper for keeper in keepers if not keeper.holds]
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await self.until(lambda: all(keeper.identity or keeper.state != "starting" for keeper in held))
        except TimeoutError:
            pass  # they are being started; the state file tells when they run

    async def restart_bundled(self) -> None:
        """Restart the bundled services so that they read their policies anew. Raises LauncherError when one fails."""
        keepers = [self.instances[each.name] for each in self._bundled()]
        for keeper in keepers:
            keeper.restart()
        try:
            async with asyncio.timeout(RESTART_SECONDS):
                await self.until(lambda: all(_is_settled(keeper) for keeper in keepers))
        except TimeoutError:
            pass  # told below
        failed = [keeper.name for keeper in keepers if keeper.state not in ("ready", "held down")]
        if failed:
            raise LauncherError(f"under these policies {', '.join(failed)} did not become ready", kind="failed")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds; it is looked at after each change of a keeper."""
        while not condition():
            await self._change.wait()

    def _instance(self, instance: InstanceSpec, recipes: Recipes) -> Keeper:
        recipe: Recipe = recipes.instance(instance, lambda: self.until(lambda: self._may_start(instance)))
        return Keeper(instance.name, recipe, self._changed)

    def _may_start(self, instance: InstanceSpec) -> bool:
        """The order holds for the first start only: services that restart must cope with what is missing."""
        if not instance.command and not _is_ready(self.zygote):
            return False
        if instance.name not in self._had_their_turn:
            if not all(_is_ready(proxy) for proxy in self.proxies.values()):
                return False
            if not all(self._is_up(service, instance.region) for service in instance.after):
                return False
            self._had_their_turn.add(instance.name)
        return True

    def _is_up(self, service: str, region: str) -> bool:
        """Whether all instances of a service are ready (or held): those of the region, or of all if it has none."""
        everywhere = [each for each in self.spec.instances if each.service == service]
        nearby = [each for each in everywhere if each.region == region]
        return all(self.instances[each.name].state in ("ready", "held down") for each in nearby or everywhere)

    def _bundled(self) -> list[InstanceSpec]:
        return [each for each in self.spec.instances if not each.command]

    def _named(self, names: Sequence[str]) -> list[Keeper]:
        unknown = [name for name in names if name not in self.instances]
        if unknown:
            raise LauncherError(f"no instance is called {', '.join(unknown)}", kind="bad input")
        return [self.instances[name] for name in names]

    def _holds(self) -> dict[str, dict[str, float]]:
        return {name: dict(keeper.holds) for name, keeper in self.instances.items() if keeper.holds}

    def _save_holds(self, holds: dict[str, dict[str, float]]) -> None:
        replace_file(self.folder.holds, msgspec.json.encode(holds))

    def _changed(self) -> None:
        self.state_file.changed()
        self.discovery.changed()
        self._change.set()
        self._change = asyncio.Event()


def _without(holder: str, holds: dict[str, float]) -> dict[str, float]:
    return {name: until for name, until in holds.items() if name != holder} if holder else {}


def read_holds(folder: Folder) -> dict[str, dict[str, float]]:
    """Instance -> holder -> epoch second until which it is held, as the last launcher wrote it."""
    try:
        return msgspec.json.decode(folder.holds.read_bytes(), type=dict[str, dict[str, float]])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def stop_everything(folder: Folder) -> int:
    """Blocking: end every process that was started from this folder, the zygote first; how many there were."""
    zygote = read_record(folder.record("zygote"))
    if zygote is not None:
        stop_all([zygote], GRACE_SECONDS)
        time.sleep(0.02)  # what it forked last is writing its record now
    records = [read_record(path) for path in sorted(folder.pids.glob("*"))]
    alive = [identity for identity in records if identity is not None]
    stop_all(alive, GRACE_SECONDS)
    for path in (*folder.pids.glob("*"), folder.holds, folder.spoilt_discovery, *folder.home.glob("*/discovery.json")):
        path.unlink(missing_ok=True)
    unbind_all(folder)
    return len(alive) + (zygote is not None)


def _is_settled(keeper: Keeper) -> bool:
    """Whether waiting is over: it is up, or has died twice in a row."""
    return keeper.state in ("ready", "held down", "backing off")


def _is_ready(keeper: Keeper | None) -> bool:
    return keeper is not None and keeper.state == "ready"


async def _at_once() -> None:
    return
