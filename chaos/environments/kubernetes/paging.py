"""A long list, page by page. The first words of a page say where the next one begins, so that one is asked for at once:
the server writes it while the rest of this one is on its way and is decoded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from chaos.environments.kubernetes import answers

PAGE = 500
_AHEAD = 2
_CONTINUE = re.compile(rb'"continue":"([^"\\]+)"')

Item = TypeVar("Item")
Query = Mapping[str, str | int]
Read = Callable[[Query, Callable[[bytes], None]], bytes]
"""Reads one page: told the query, and whom to tell its first words as soon as they are there."""


class _ListMeta(Struct, rename={"continue_": "continue"}):
    continue_: str = ""


class _Page(Struct, Generic[Item]):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[Item] | None = None


def every(read: Read, of: type[Item], query: Query) -> list[Item]:
    """All objects of a list.

    When the server has forgotten the list's moment (410), it is begun again, the last time in one piece.
    """
    for page in (PAGE, PAGE, 0):
        try:
            return _pages(read, of, {**query, **({"limit": page} if page else {})})
        except answers.Expired:
            if not page:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _pages(read: Read, of: type[Item], query: Query) -> list[Item]:
    decoder = msgspec.json.Decoder(_Page[of])  # type: ignore[valid-type]  # known only here
    found: list[Item] = []
    more = ""
    with ThreadPoolExecutor(_AHEAD) as pool:
        ahead = _Ahead(read, query, pool)
        try:
            while True:
                page = decoder.decode(ahead.page(more))
                found += page.items or ()
                more = page.metadata.continue_
                if not more:
                    return found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _Ahead:
    """Pages by their beginnings, some of them read before they are asked for."""

    def __init__(self, read: Read, query: Query, pool: ThreadPoolExecutor) -> None:
        self._read = read
        self._query = query
        self._pool = pool
        self._coming: dict[str, Future[bytes]] = {}

    def page(self, beginning: str) -> bytes:
        coming = self._coming.pop(beginning, None)
        return coming.result() if coming else self._get(beginning)

    def _get(self, beginning: str) -> bytes:
        return self._read({**self._query, **({"continue": beginning} if beginning else {})}, self._look)

    def _look(self, first_words: bytes) -> None:
        """Ask for the next page. A server that says where it begins only at the end is asked then."""
        said = _CONTINUE.search(first_words.partition(b'"items"')[0])
        if said:
            beginning = said[1].decode()
            self._coming[beginning] = self._pool.submit(self._get, beginning)
