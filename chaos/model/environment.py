"""Where the system under test runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from chaos.model.errors import SystemDown
from chaos.model.system import JSON, Inventory, TargetKind


class EnvironmentRef(Struct, frozen=True, kw_only=True):
    """How to open an environment again, also in another process: what the journal keeps of it.

    With `parts` it is several together, by name; `kind` is then JOINED.
    """

    kind: str
    name: str
    settings: dict[str, JSON] = {}
    parts: tuple[EnvironmentRef, ...] = ()


JOINED = "joined"


class NoSettings(Struct, frozen=True, kw_only=True):
    """The settings of a kind of environment that has none."""


class BadSetting(ValueError):
    """Raised while a Settings type is made: a sentence, a hint, and where it stands as keys and indexes of the file.

    A plain ValueError is placed at the settings as a whole.
    """

    def __init__(self, message: str, hint: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.hint = hint
        self.path = path


class Arming(Struct, frozen=True):
    """Whether faults are allowed here, and where that was read."""

    armed: bool
    reason: str


class LeaseHolder(Struct, frozen=True):
    """Who ends an injection when its lease runs out.

    `detached` is true where the effect cannot carry a timer, so that the engine must start the
    detached lease holder before the first such injection.
    """

    name: str
    detached: bool = False


@runtime_checkable
class CanMakeReady(Protocol):
    """Needs something of its own at the targets of some faults."""

    def make_ready(self, capability: type, targets: Sequence[str]) -> None:
        """Put it there, or see that it can be put there; nothing is broken by that. Raises ActionFailed."""
        ...


@runtime_checkable
class CanNote(Protocol):
    """Does some things in a way that whoever reads a plan must know of."""

    def note(self, capability: type) -> str:
        """A limit of how it is done here, as a sentence; empty for none."""
        ...


@runtime_checkable
class CanReserve(Protocol):
    """Keeps apart runs that come from different machines, which share no lock of the file system."""

    def reserve(self, run: str) -> None:
        """Take the system for a run, or renew that: it ends by itself half a minute after the last time.

        Raises Refused when another run has it, and names that.
        """
        ...

    def free(self, run: str) -> None:
        """Let go, if that run has it."""
        ...


class Environment(Protocol):
    """A place where things run. Capabilities (capabilities.py) are further protocols it may implement."""

    ref: EnvironmentRef

    @property
    def lock_key(self) -> str:
        """The same for two openings of the same system: one run at a time holds it."""
        ...

    def arming(self) -> Arming: ...

    def inventory(self) -> Inventory:
        """What is there now. Raises SystemDown when the whole system is not."""
        ...

    def lease_holder(self, capability: type) -> LeaseHolder: ...

    def load_settings(self) -> dict[str, str]:
        """Environment variables that tell a load generator where to send its requests."""
        ...


@runtime_checkable
class HasParts(Protocol):
    """Several environments in one; what is done is done in one of them."""

    parts: tuple[Environment, ...]


def parts_of(environment: Environment) -> tuple[Environment, ...]:
    """Those it consists of: itself, unless it has parts."""
    return environment.parts if isinstance(environment, HasParts) else (environment,)


def part_of(environment: Environment, name: str) -> Environment:
    """The part of that name; the environment itself for the empty one."""
    return next(each for each in parts_of(environment) if each.ref.name == name) if name else environment


def settles_within_seconds(environment: Environment) -> float:
    """How long an effect may take to show and to go: 10 s, unless the environment has an attribute of this name."""
    return float(getattr(environment, "settles_within_seconds", 10.0))


def is_there(environment: Environment, kind: TargetKind, name: str) -> bool:
    """Whether a target still exists; not when it was removed, nor when the whole system is down."""
    try:
        targets = environment.inventory().of_kind(kind)
    except SystemDown:
        return False
    return any(target.name == name for target in targets)
