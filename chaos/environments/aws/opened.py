"""What all parts of the environment stand on: the account, and the last look at it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from chaos.environments.aws.account import Account
from chaos.environments.aws.answers import ApiFailed
from chaos.environments.aws.looking import Database, Function, Group, Look, Machine, look_at
from chaos.environments.aws.settings import Settings
from chaos.model.environment import EnvironmentRef

_ENGINES_OWN = ("armed", "source", "monkey")
_FRESH_SECONDS = 1.0
"""A look serves for so long: the engine looks ten times a second at each of a thousand targets, AWS counts requests."""


Seen = TypeVar("Seen")


class Opened:
    """Opening never fails: the account is asked when something is asked of it."""

    def __init__(self, ref: EnvironmentRef) -> None:
        self.ref = ref
        given = {key: value for key, value in ref.settings.items() if key not in _ENGINES_OWN}
        self.settings = msgspec.convert(given, Settings)
        self.account = Account(self.settings)
        self._looking = threading.RLock()
        self._seen: dict[str, tuple[float, object]] = {}

    def looks(self) -> list[Look]:
        """What the account holds, as it was a second ago at most. Raises ApiFailed, Refused."""
        return self.recent("looks", lambda: look_at(self.account, self.settings))

    def recent(self, what: str, look: Callable[[], Seen]) -> Seen:
        """What a look gave a second ago at most; who asks meanwhile shares one look."""
        with self._looking:
            began = time.monotonic()
            at, seen = self._seen.get(what, (float("-inf"), None))
            if began - at > _FRESH_SECONDS:
                self.account.verify()
                seen = look()
                self._seen[what] = (began, seen)
            return cast(Seen, seen)

    def changed(self) -> None:
        """What was seen before is no longer so."""
        with self._looking:
            self._seen.clear()

    def machine(self, name: str) -> Machine | None:
        region, _, id = name.partition("/")
        found = (each for look in self.looks() if look.region == region for each in look.machines if each.id == id)
        return next(found, None)

    def group(self, name: str) -> Group | None:
        region, _, bare = name.partition("/")
        found = (each for look in self.looks() if look.region == region for each in look.groups if each.name == bare)
        return next(found, None)

    def database(self, name: str) -> Database | None:
        region, _, bare = name.partition("/")
        found = (each for look in self.looks() if look.region == region for each in look.databases if each.name == bare)
        return next(found, None)

    def function(self, name: str) -> Function | None:
        region, _, bare = name.partition("/")
        found = (each for look in self.looks() if look.region == region for each in look.functions if each.name == bare)
        return next(found, None)

    def until_settled(self, settled: Callable[[], bool], what: str) -> None:
        """Look again and again, as long as a machine may take. Raises ApiFailed when it is not so by then."""
        ends_at = time.monotonic() + self.settings.settles_within_seconds
        while not settled():
            if time.monotonic() > ends_at:
                raise ApiFailed(f"{what} after {self.settings.settles_within_seconds:g} s")
            time.sleep(_FRESH_SECONDS)
