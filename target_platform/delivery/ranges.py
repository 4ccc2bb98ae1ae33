"""Which part of a file is asked for. Source: RFC 9110, "HTTP Semantics", 14 (range requests)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

_ONE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class Part(Struct, frozen=True):
    """`count` bytes from `start` on."""

    start: int
    count: int

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.count - 1}/{size}"


class Unsatisfiable(ValueError):
    """Nothing of what is asked for is in the file."""


def asked_part(headers: Mapping[str, str], size: int, etag: str) -> Part | None:
    """The part that a GET asks for; None for the whole file. Raises Unsatisfiable.

    The whole file is also the answer to several ranges at once, to what is no range at all, and to a range of a file
    that is not the one the client has a part of (If-Range): RFC 9110 allows the first and demands the others.
    """
    asked = headers.get("Range")
    if asked is None or not _is_still(headers.get("If-Range"), etag):
        return None
    found = _ONE.fullmatch(asked)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return _suffix(int(last), size)
    start, end = int(first), min(int(last or size), size - 1)
    if last and int(last) < start:
        return None  # no range at all
    if start >= size:
        raise Unsatisfiable
    return Part(start, end - start + 1)


def same_file(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this file already (RFC 9110, 13.1.2: a weak comparison)."""
    if if_none_match is None or not etag:
        return False
    names = [name.strip().removeprefix("W/") for name in if_none_match.split(",")]
    return "*" in names or etag.removeprefix("W/") in names


def _suffix(count: int, size: int) -> Part:
    if count == 0 or size == 0:
        raise Unsatisfiable
    return Part(max(0, size - count), min(count, size))


def _is_still(if_range: str | None, etag: str) -> bool:
    """RFC 9110, 13.1.5: a strong comparison; a date never matches, because no file here has one."""
    return if_range is None or (if_range == etag and not etag.startswith("W/"))
