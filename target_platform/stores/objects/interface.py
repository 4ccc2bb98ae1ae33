"""Bytes under a key, as S3 has them: what a store of objects promises, whichever it is.

An object is there whole or not at all: nobody ever sees half of one, whatever dies while it is written. The newest put
of a key counts. Bytes that come in are held against what their sender announced, and those of an object that is read
to its end against what was put. docs/explanation/stores.md says what is promised, and what is not.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

PART_BYTES_LEAST = 5 * 2**20
"""Every part but the last has at least so many bytes, and at most 5 GiB: S3's limits. Every adapter holds the lower."""
PARTS_MOST = 10_000
CHUNK_BYTES = 2**20
"""What is read and written at a time."""


class Readable(Protocol):
    """A file, or anything else that is read like one."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


Source = bytes | Readable
"""What is to be kept: bytes, or a file that is read from where it stands to its end."""


class Object(Struct, frozen=True, kw_only=True):
    """`checksum` names the content: it is the same in every store, and another one when the content is another one.

    It is the SHA-256 of the bytes, in hexadecimal; for an object put together from n parts the SHA-256 of the parts'
    SHA-256s, then `-n` (S3's composite checksum).
    """

    key: str
    size: int
    checksum: str


class Listed(Struct, frozen=True, kw_only=True):
    key: str
    size: int


class Upload(Struct, frozen=True, kw_only=True):
    """An object that comes in parts. A value: another process can go on with it."""

    key: str
    id: str


class Part(Struct, frozen=True, kw_only=True):
    """`sha256` of its bytes, in hexadecimal; `tag` is the store's own name for it, to be handed back unchanged."""

    number: int
    size: int
    sha256: str
    tag: str = ""


class ObjectsFailed(Exception):
    """The store did not do it; the sentence says what, and why. After a failed put, the new object may be there or not
    (only if the store could not be reached, or did not answer: it is whole even then).
    """


class BadKey(ObjectsFailed):
    """This is no key, or a prefix of none: see `checked_key`."""


class NotThere(ObjectsFailed):
    """There is no such object, or no such upload (any more)."""


class AlreadyThere(ObjectsFailed):
    """A put that was to happen only if nothing is there found something."""


class WrongChecksum(ObjectsFailed):
    """The bytes are not those that were announced, or not those that were once put."""


class OutOfRange(ObjectsFailed):
    """A range that begins beyond the end, or ends before it begins."""


class BadParts(ObjectsFailed):
    """The parts do not make an object: none, one that is not there or not as it was put, not in order, or too small."""


class NoRoom(ObjectsFailed):
    """The disk is full. Nothing of what was to be put is left."""


class Objects(Protocol):
    """Blocks: call it from a thread. One may be used by several threads, and one place by several processes.

    Every method raises ObjectsFailed when the store cannot do it, and what is named here.
    """

    def put(self, key: str, source: Source, *, sha256: str = "", if_absent: bool = False) -> Object:
        """Keep an object, on disk before this returns; the one that was there is replaced in one instant.

        `sha256` is what the sender says that it sent (hexadecimal). Raises BadKey, WrongChecksum, NoRoom, and with
        `if_absent` AlreadyThere: of several who try at the same time one succeeds.
        """
        ...

    def get(self, key: str, first: int = 0, last: int | None = None) -> bytes:
        """The bytes from number `first` to number `last`, that one too, or to the end: as HTTP counts. A `last` beyond
        the end means the end. Raises NotThere, OutOfRange, WrongChecksum.
        """
        ...

    def read(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """The same in pieces of at most a mebibyte, for what does not fit into memory.

        What `get` raises comes from the call itself; WrongChecksum, and a store that fails meanwhile, after the last
        good piece. An object of one part that is replaced or deleted meanwhile is read to its end as it was.
        """
        ...

    def head(self, key: str) -> Object:
        """What is known of an object without its bytes. Raises NotThere."""
        ...

    def under(self, prefix: str = "") -> Iterator[Listed]:
        """All objects whose key begins so, in the order of their keys (by their UTF-8 bytes)."""
        ...

    def delete(self, key: str) -> None:
        """There is no such object after this; whether there was one before is no matter."""
        ...

    def start(self, key: str) -> Upload:
        """Begin an object that comes in parts. Nothing is to be seen of it under its key until it is complete."""
        ...

    def put_part(self, upload: Upload, number: int, source: Source, *, sha256: str = "") -> Part:
        """Keep part `number` (1 to 10,000), in any order and from any process; put again, the newer one counts.

        Raises NotThere, BadParts (a number that is none), WrongChecksum, NoRoom.
        """
        ...

    def parts(self, upload: Upload) -> tuple[Part, ...]:
        """Those that are kept, in order: with them, one who has forgotten everything but the upload can go on.

        A server that does not tell checksums leaves `sha256` empty. Raises NotThere.
        """
        ...

    def complete(self, upload: Upload, parts: Sequence[Part]) -> Object:
        """Make an object of these parts, which are in ascending order; others that were put are forgotten.

        May be asked again when the answer was lost. Raises NotThere, BadParts.
        """
        ...

    def abort(self, upload: Upload) -> None:
        """Forget an upload and its parts; whether there was one is no matter. What is complete stays."""
        ...

    def uploads(self, prefix: str = "") -> tuple[Upload, ...]:
        """Those begun under such keys that are neither complete nor aborted. They take room until they are."""
        ...

    def close(self) -> None: ...


def checked_key(key: str) -> str:
    """The key, if it is one: names joined by `/`. Raises BadKey.

    Stricter than S3, so that a key means the same in a store that makes it a path: 1 to 1024 bytes of UTF-8, no name of
    it empty, `.`, `..` or longer than 255 bytes, printable characters only, no backslash.
    """
    names = key.split("/")
    if not key or "" in names or "." in names or ".." in names:
        raise BadKey(f"{key!r} is no key: it is empty, or a name between its slashes is empty, '.' or '..'")
    if any(not character.isprintable() or character == "\\" for character in key):  # a lone surrogate is not, either
        raise BadKey(f"{key!r} is no key: it has a backslash, or a character that cannot be printed")
    if len(key.encode()) > 1024 or any(len(name.encode()) > 255 for name in names):
        raise BadKey(f"{key[:60]!r}... is no key: it has more than 1024 bytes, or a name in it more than 255")
    return key


def composite(parts: Sequence[Part]) -> str:
    """The checksum of an object that is put together from these."""
    digests = b"".join(bytes.fromhex(each.sha256) for each in parts)
    return f"{hashlib.sha256(digests).hexdigest()}-{len(parts)}"


def chunks(source: Source) -> Iterator[bytes]:
    """The bytes of a source, in pieces."""
    file: Readable = io.BytesIO(source) if isinstance(source, bytes) else source
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def checked_parts(parts: Sequence[Part]) -> Sequence[Part]:
    """The parts, if an object can be made of them. Raises BadParts."""
    if not parts:
        raise BadParts("no parts, no object: an empty one is put whole")
    numbers = [each.number for each in parts]
    if numbers != sorted(set(numbers)):
        raise BadParts("the parts are not in ascending order, or one is named twice")
    small = [each.number for each in parts[:-1] if each.size < PART_BYTES_LEAST]
    if small:
        raise BadParts(f"part {small[0]} has less than {PART_BYTES_LEAST} bytes, which only the last may have")
    return parts


def checked_number(number: int) -> int:
    """The number, if a part can have it. Raises BadParts."""
    if not 1 <= number <= PARTS_MOST:
        raise BadParts(f"no part can have number {number}: they go from 1 to {PARTS_MOST}")
    return number


def checked_prefix(prefix: str) -> str:
    """The beginning of keys, if it can be one. Raises BadKey."""
    if not all(character.isprintable() for character in prefix):
        raise BadKey(f"no key begins with {prefix!r}: it has a character that cannot be printed")
    return prefix


def checked_span(found: Object, first: int, last: int | None) -> tuple[int, int]:
    """The first and the last byte of those asked for; of an empty object that is asked for whole: 0 and -1.

    Raises OutOfRange.
    """
    is_whole = first == 0 and last is None
    ends = found.size - 1 if last is None else min(last, found.size - 1)
    if not is_whole and (first < 0 or ends < first):
        raise OutOfRange(f"{found.key} has {found.size} bytes, none from number {first} to {last}")
    return first, ends
