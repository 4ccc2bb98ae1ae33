"""What runs leave in a system, found without their journals; and the rights that a system grants.

As in capabilities.py, every method raises ActionFailed when it could not act.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from msgspec import Struct


class Residue(Struct, frozen=True, kw_only=True):
    """Something that a run has left on an object: whose it is, until when it was to last (epoch seconds)."""

    target: str
    holder: str
    what: str
    until: float


@runtime_checkable
class CanScan(Protocol):
    """Find what earlier runs have left from the objects themselves, and take it off, without any journal."""

    def residues(self) -> tuple[Residue, ...]: ...

    def clear_residue(self, residue: Residue) -> None: ...


class Unseen(Struct, frozen=True, kw_only=True):
    """A place where something may have been left, and why nobody could look there."""

    where: str
    why: str
    hint: str = ""


class Scan(Struct, frozen=True, kw_only=True):
    """What was found, and where nothing could be looked for."""

    found: tuple[Residue, ...]
    unseen: tuple[Unseen, ...] = ()


@runtime_checkable
class CanScanInPart(CanScan, Protocol):
    """Looks in many places, each with a right of its own: one that is missing keeps it from that place only."""

    def scan(self) -> Scan: ...


@runtime_checkable
class CanScanInside(CanScan, Protocol):
    """There is also what ends by itself and is only found by asking inside each instance: not for every second."""

    def residues_inside(self) -> tuple[Residue, ...]: ...


@runtime_checkable
class CanBeKept(CanScan, Protocol):
    """A keeper in the system can put right there what has expired, and say that it is alive."""

    def keeps(self) -> tuple[str, ...]:
        """Which kinds of what may be left we could put right, with the rights we have."""
        ...

    def announce_keeper(self, identity: str, keeps: tuple[str, ...]) -> None:
        """Tell whoever plans a run that for some seconds somebody keeps this system."""
        ...


@runtime_checkable
class CanListRights(Protocol):
    """Knows which rights it needs for what."""

    def rights(self, capabilities: list[type], with_load: bool, account: str) -> str:
        """A manifest or a policy with the least rights for these capabilities; where a manifest binds them to a service
        account, to this one (namespace/name).

        `with_load`: and for finding out where a load generator has to send its requests.
        """
        ...
