"""A store in another pod, for reading: asked over HTTP (`python -m target_platform.pipeline shelf`)."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import quote, urlencode

import msgspec

from target_platform.stores.objects.interface import Listed, NotThere, Objects, ObjectsFailed, OutOfRange
from target_platform.stores.objects.place import objects_at

TIMEOUT_SECONDS = 5.0


class Readings(Protocol):
    """What a reader needs of `Objects`. Blocks: call it from a thread."""

    def get(self, key: str, first: int = 0, last: int | None = None) -> bytes: ...

    def under(self, prefix: str = "") -> Iterator[Listed]: ...

    def close(self) -> None: ...


def readings_at(place: str) -> Readings:
    """As `objects_at`, or http://HOST:PORT. Raises ObjectsFailed."""
    if place.startswith("http://"):
        return HttpObjects(place.rstrip("/"))
    objects: Objects = objects_at(place)
    return objects


class HttpObjects:
    """`base` is http://HOST:PORT."""

    def __init__(self, base: str) -> None:
        self._base = base

    def get(self, key: str, first: int = 0, last: int | None = None) -> bytes:
        is_whole = first == 0 and last is None
        span = {} if is_whole else {"Range": f"bytes={first}-{'' if last is None else last}"}
        return self._ask(f"/objects/{quote(key)}", key, span)

    def under(self, prefix: str = "") -> Iterator[Listed]:
        body = self._ask(f"/objects?{urlencode({'prefix': prefix})}", prefix, {})
        try:
            yield from msgspec.json.decode(body, type=tuple[Listed, ...])
        except msgspec.DecodeError as error:
            raise ObjectsFailed(f"{self._base} is no shelf of a store: {error}") from error

    def close(self) -> None:
        """Nothing is kept open."""

    def _ask(self, path: str, key: str, headers: dict[str, str]) -> bytes:
        request = urllib.request.Request(self._base + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            with error:
                kind = {404: NotThere, 416: OutOfRange}.get(error.code, ObjectsFailed)
                raise kind(f"{self._base} answered {error.code} for {key}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:  # one of these is an answer that broke off
            raise ObjectsFailed(f"{self._base} cannot be asked for {key}: {error}") from error
