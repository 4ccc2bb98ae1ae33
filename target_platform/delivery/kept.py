"""One answer as a cache keeps it."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from msgspec import Struct

from target_platform.delivery.lifetime import Lifetime
from target_platform.kit.client import Reply


class Kept(Struct, kw_only=True, eq=False):
    """Its bytes are in `file`, or in `body` when the disk did not take them.

    `checked_at` is when a tier behind said that this is how it is, in seconds of the cache's clock, and
    `age_on_arrival` how old that was then. Before `again_at` nobody is asked for it again.
    """

    content_type: str
    size: int
    etag: str = ""
    cache_control: str = ""
    checked_at: float
    age_on_arrival: float = 0.0
    again_at: float = 0.0
    lifetime: Lifetime = Lifetime()
    file: Path | None = None
    body: bytes = b""
    descriptor: int = -1
    readers: int = 0

    @staticmethod
    def of(reply: Reply, at: float, file: Path | None = None) -> Kept:
        """With the lifetime of something that has none: it is whoever knows HTTP that says how long it lives."""
        return Kept(
            content_type=reply.content_type,
            size=len(reply.body),
            etag=reply.headers.get("ETag", ""),
            checked_at=at,
            file=file,
            body=b"" if file else reply.body,
        )

    @staticmethod
    def made(content: bytes, content_type: str) -> Kept:
        """A file as the origin has it. Its name is made of its content: so it is the same in all regions."""
        etag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
        return Kept(content_type=content_type, size=len(content), etag=etag, checked_at=0.0, body=content)

    def open(self) -> int:
        """A descriptor of its file, to be given back by close(). All who read at the same time share it: so ten
        thousand readers are ten thousand connections and not as many files; and it stays whole also when it is evicted.

        Raises OSError when the file is not there any more.
        """
        assert self.file is not None, "it is in memory"
        if self.readers == 0:
            self.descriptor = os.open(self.file, os.O_RDONLY | os.O_CLOEXEC)
        self.readers += 1
        return self.descriptor

    def close(self) -> None:
        self.readers -= 1
        if self.readers == 0:
            os.close(self.descriptor)

    def content(self) -> bytes:
        """All of it. Raises OSError when the file is not there any more."""
        return self.body if self.file is None else self.file.read_bytes()

    def remove(self) -> None:
        """From the disk. Who has opened it keeps it."""
        if self.file is not None:
            removed(self.file)


def removed(file: Path) -> None:
    """If it can be; the next start tries again."""
    with suppress(OSError):
        file.unlink(missing_ok=True)
