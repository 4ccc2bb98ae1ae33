"""Values by key, of which the newest version counts: the interface.

Versions make writing idempotent and its order irrelevant: whoever gets the same entries, once or several times and in
any order, ends with the same values. So stores can be brought together by telling each other what has changed.
Source: the last-writer-wins register of Shapiro, Preguiça, Baquero, Zawirski, "A comprehensive study of convergent and
commutative replicated data types" (INRIA RR-7506, 2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

Version = tuple[int, str]
"""Compared number first; the text decides among equal numbers."""


class Entry(Struct, frozen=True, kw_only=True):
    """`region` is where it was written; an entry without one is the store's own and is told to nobody."""

    key: str
    version: Version
    value: str
    region: str = ""


class Changes(Struct, frozen=True, kw_only=True):
    """`entries` that came after some position, up to position `upto`; `more` when there are further ones.

    `store` names the store that counts: a position means nothing in another one.
    """

    store: str
    entries: tuple[Entry, ...]
    upto: int
    more: bool = False


class StoreFailed(Exception):
    """A store cannot read or write; the sentence says which and why. What was to be written may or may not be kept."""


class Registers(Protocol):
    """Every method raises StoreFailed."""

    async def put(self, entries: Sequence[Entry]) -> None:
        """Keep each entry unless a newer one of its key is kept. All of it is on disk when this returns."""

    async def get(self, key: str) -> Entry | None: ...

    async def under(self, prefix: str) -> tuple[Entry, ...]:
        """All entries whose key begins so, in the order of their keys."""
        ...

    async def changes(self, after: int, limit: int, region: str = "") -> Changes:
        """What has come since position `after`, oldest first: of one region, or of all."""
        ...

    async def close(self) -> None: ...


def newest(entries: Sequence[Entry | None]) -> Entry | None:
    """The newest of several opinions about one key."""
    return max((each for each in entries if each is not None), key=lambda each: each.version, default=None)
