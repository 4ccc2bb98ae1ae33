"""What all parts of the environment stand on: the account, and what was last seen of it."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

import msgspec

from chaos.environments.aws import looking
from chaos.environments.aws.account import Account
from chaos.environments.aws.answers import ApiFailed, NotThere
from chaos.environments.aws.joined import Joined
from chaos.environments.aws.looking import Database, Group, Look, Machine
from chaos.environments.aws.settings import Settings
from chaos.environments.aws.things import EVERYWHERE, Thing, things_of
from chaos.model.environment import EnvironmentRef

_ENGINES_OWN = ("armed", "source", "monkey")
_FRESH_SECONDS = 1.0
_QUIET_FACTOR = 5
"""A look serves for a second, and longer when it took long: of a thousand machines it is seconds of work, the engine
looks ten times a second at each of them, and AWS counts requests. Five times as long while we change nothing."""

_SETTLE_EVERY_SECONDS = 1.0
_SHOW_EVERY_SECONDS = 0.5

Seen = TypeVar("Seen")
Named = TypeVar("Named", Machine, Group, Database, Thing)


class Opened:
    """Opening never fails: the account is asked when something is asked of it."""

    def __init__(self, ref: EnvironmentRef) -> None:
        self.ref = ref
        given = {key: value for key, value in ref.settings.items() if key not in _ENGINES_OWN}
        self.settings = msgspec.convert(given, Settings)
        self.account = Account(self.settings)
        self._looking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._seen: dict[str, _Seen] = {}
        self._indexes: dict[str, tuple[object, Mapping[str, object]]] = {}
        self._changed_at = float("-inf")
        self._sure_at = time.monotonic() + self.settings.consistent_within_seconds
        self._now: dict[str, Joined[str, Machine]] = {
            region: Joined(partial(self._machines_now, region)) for region in self.settings.regions
        }

    def looks(self) -> list[Look]:
        """All that the account holds of the system. Raises ApiFailed, Refused."""
        regions = self.settings.regions
        with ThreadPoolExecutor(4 * len(regions)) as pool:
            machines = [pool.submit(self.machines, region) for region in regions]
            groups = [pool.submit(self.groups, region) for region in regions]
            databases = [pool.submit(self.databases, region) for region in regions]
            things = [pool.submit(self.things, region) for region in (*regions, EVERYWHERE)]
        there = [
            Look(
                region=region,
                machines=machines[at].result(),
                groups=groups[at].result(),
                databases=databases[at].result(),
                things=things[at].result(),
            )
            for at, region in enumerate(regions)
        ]
        nowhere = Look(region=EVERYWHERE, machines=(), groups=(), databases=(), things=things[-1].result())
        return [*there, nowhere]

    def machines(self, region: str) -> tuple[Machine, ...]:
        return self._listed("machines", region, looking.machines_of)

    def groups(self, region: str) -> tuple[Group, ...]:
        return self._listed("groups", region, looking.groups_of)

    def databases(self, region: str) -> tuple[Database, ...]:
        return self._listed("databases", region, looking.databases_of)

    def things(self, region: str) -> tuple[Thing, ...]:
        return self._listed("things", region, things_of)

    def machine(self, name: str) -> Machine | None:
        return self._named(name, self.machines)

    def machine_now(self, name: str) -> Machine | None:
        """Not as it was a moment ago: for what is about to be changed."""
        region, _, id = name.partition("/")
        return self._now[region].ask(id)

    def group(self, name: str) -> Group | None:
        return self._named(name, self.groups)

    def database(self, name: str) -> Database | None:
        return self._named(name, self.databases)

    def thing(self, name: str) -> Thing | None:
        return self._named(name, self.things)

    def recent(self, what: str, look: Callable[[], Seen]) -> Seen:
        """What a look gave a moment ago; who asks meanwhile shares one look. Raises ApiFailed, Refused."""
        self.account.verify()
        with self._looking[what]:
            began = time.monotonic()
            last = self._seen.get(what)
            if last is None or began >= last.ends_at(self._changed_at):
                seen = look()
                last = self._seen[what] = _Seen(seen, began, time.monotonic())
            return cast(Seen, last.seen)

    def changed(self) -> None:
        """What was seen before may be no longer so: from now on looks serve for a shorter time."""
        self._changed_at = time.monotonic()
        self._sure_at = self._changed_at + self.settings.consistent_within_seconds

    def struck(self) -> None:
        """What strikes once may be over within a second: what was seen before serves no more."""
        self.changed()
        self.forget()

    def forget(self) -> None:
        """The next look is a new one."""
        self._seen.clear()

    def once_shown(self, look: Callable[[], Seen], shows: Callable[[Seen], bool]) -> Seen:
        """What is there now, for an undo: a record of ours may be too new for every part of AWS to show it.

        So that it is not there is only believed some seconds after the last change, and after we have come here: who
        was here before us may have changed something just then.
        """
        while True:
            began = time.monotonic()
            seen = look()
            if shows(seen) or began >= self._sure_at:
                return seen
            time.sleep(_SHOW_EVERY_SECONDS)
            self.forget()

    def once_known(self, act: Callable[[], object]) -> None:
        """For an act on what we have just made, which may not be known everywhere yet. Raises NotThere."""
        ends_at = time.monotonic() + self.settings.consistent_within_seconds
        while True:
            try:
                act()
                return
            except NotThere:
                if time.monotonic() >= ends_at:
                    raise
            time.sleep(_SHOW_EVERY_SECONDS)

    def until_settled(self, settled: Callable[[], bool], what: str) -> None:
        """Look again and again, as long as a machine may take. Raises ApiFailed when it is not so by then."""
        ends_at = time.monotonic() + self.settings.settles_within_seconds
        while not settled():
            if time.monotonic() > ends_at:
                raise ApiFailed(f"{what} after {self.settings.settles_within_seconds:g} s")
            time.sleep(_SETTLE_EVERY_SECONDS)

    def _listed(self, what: str, region: str, of: looking.Lists[Named]) -> tuple[Named, ...]:
        return self.recent(f"{what} of {region}", lambda: of(self.account, region, self.settings.selector))

    def _machines_now(self, region: str, ids: Sequence[str]) -> dict[str, Machine]:
        self.account.verify()
        return {each.id: each for each in looking.machines_of(self.account, region, {}, ids)}

    def _named(self, name: str, listed: Callable[[str], Sequence[Named]]) -> Named | None:
        """REGION/NAME, among what is listed of its region. A thousand are asked for one after the other.

        Only things are in no region.
        """
        region, _, bare = name.partition("/")
        if region not in self.settings.regions and (region, listed) != (EVERYWHERE, self.things):
            return None
        there = listed(region)
        key = f"{listed.__name__} of {region}"
        of, index = self._indexes.get(key, (None, {}))
        if of is not there:
            index = {each.bare_name: each for each in there}
            self._indexes[key] = (there, index)
        return cast("Named | None", index.get(bare))


@dataclass(frozen=True)
class _Seen:
    seen: object
    began: float
    ended: float

    def ends_at(self, changed_at: float) -> float:
        """Until when it serves; times are of a clock that never goes back."""
        serves = max(_FRESH_SECONDS, self.ended - self.began)
        return self.ended + (serves if changed_at >= self.began else _QUIET_FACTOR * serves)
