"""One answer as a cache keeps it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from target_platform.kit.client import Reply


class Kept(Struct, kw_only=True, eq=False):
    """Its bytes are in `file`, or in `body` when the disk did not take them.

    `headers` are those the tier behind gave with it; `checked_at` is when it did so
    last, in seconds of the cache's clock.
    """

    content_type: str
    size: int
    headers: Mapping[str, str]
    checked_at: float
    file: Path | None = None
    body: bytes = b""

    def open(self) -> int:
        """A descriptor of the file, which the caller closes: it stays whole also when the file is evicted meanwhile.

        Raises OSError when it is not there any more.
        """
        assert self.file is not None, "it is in memory"
        return os.open(self.file, os.O_RDONLY)

    def content(self) -> bytes:
        """All of it. Raises OSError when the file is not there any more."""
        return self.body if self.file is None else self.file.read_bytes()

    def remove(self) -> None:
        """From the disk. Who has opened it keeps it."""
        if self.file is not None:
            removed(self.file)

    @staticmethod
    def of(reply: Reply, at: float, file: Path | None = None) -> Kept:
        return Kept(
            content_type=reply.content_type,
            size=len(reply.body),
            headers=reply.headers,
            checked_at=at,
            file=file,
            body=b"" if file else reply.body,
        )


def removed(file: Path) -> None:
    """If it can be; the next start tries again."""
    with suppress(OSError):
        file.unlink(missing_ok=True)
