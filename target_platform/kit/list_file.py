"""Discovery by a file that somebody replaces by rename, as Envoy's filesystem subscription has it.

    {"as_of": 1732190000.5, "instances": ["here/catalog-1", ...]}

It holds names. Where those are reached stands in the configuration of who reads it: each caller has ways of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from target_platform.kit.config import Endpoint
from target_platform.kit.source import Listing, SourceFailed


class Named(Struct, frozen=True, kw_only=True):
    """The file: which instances exist, whatever their service, and as of which epoch second that is so."""

    as_of: float
    instances: tuple[str, ...]


class ListFile:
    """`address_book` says where instances are, by service; a name it does not hold cannot be reached and is ignored."""

    def __init__(self, path: Path, address_book: Mapping[str, Sequence[Endpoint]]) -> None:
        self._path = path
        self._address_book = address_book
        self._seen: tuple[int, int, int] | None = None

    async def read(self) -> Listing | None:
        try:
            seen = _mark(os.stat(self._path))
            if seen == self._seen:
                return None
            named = msgspec.json.decode(self._path.read_bytes(), type=Named)
        except OSError as error:
            raise SourceFailed(f"{self._path} cannot be read: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise SourceFailed(f"{self._path} is no list of instances: {error}") from error
        self._seen = seen  # taken before reading: what was replaced in between is read again
        names = set(named.instances)
        services = {
            service: tuple(each for each in endpoints if each.instance in names)
            for service, endpoints in self._address_book.items()
        }
        return Listing(services=services, as_of=named.as_of)


def _mark(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_ino, status.st_size
