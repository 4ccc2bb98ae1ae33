"""What a cache keeps: files on its disk, and in memory which of them is what.

The index is not written down, so after a start a cache is cold, and what its predecessor left is removed. A file's name
means nothing but that it is the nth that was written since this start: a predecessor that still serves reads its own.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from target_platform.delivery.kept import Kept, removed
from target_platform.kit.client import Reply

log = logging.getLogger("edge")


class Cache:
    """At most `limit_bytes` of files; who was not asked for longest goes first, and what is pinned goes last.

    Writing takes the event loop's time, for a segment less than a millisecond: it goes into the page cache. A disk that
    does not take a file costs the next viewer a fetch, and nobody an answer.
    """

    def __init__(self, limit_bytes: int, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self.unwritten = 0
        self._folder = folder
        self._clock = clock
        self._loose: OrderedDict[str, Kept] = OrderedDict()
        self._pinned: OrderedDict[str, Kept] = OrderedDict()
        self._pinned_bytes = 0
        self._to_pin: set[str] = set()
        self._start, self._names = secrets.token_hex(4), itertools.count(1)
        self._is_full = False
        self._emptied()

    def get(self, path: str) -> Kept | None:
        """What is kept for a path, which by that is the last one asked for."""
        for part in (self._loose, self._pinned):
            if kept := part.get(path):
                part.move_to_end(path)
                return kept
        return None

    def has(self, path: str) -> bool:
        """Whether it is kept; asking so does not count as use."""
        return path in self._loose or path in self._pinned

    def paths(self) -> Iterator[str]:
        """All that is kept, what goes first first."""
        return itertools.chain(self._loose, self._pinned)

    def put(self, path: str, reply: Reply, *, pinned: bool = False) -> Kept:
        """Keep an answer; what comes back can be served at once, whether it could be kept or not.

        It is not kept when the disk does not take it, when it alone is larger than all that may be kept, or when what
        is pinned leaves no room and it is not pinned itself.
        """
        if pinned:
            self._to_pin.add(path)
        self.drop(path)
        pinned = path in self._to_pin
        if not self._make_room(len(reply.body), pinned):
            return Kept.of(reply, self._clock())
        file = self._written(reply.body)
        if file is None and self._is_full and self._shrink(len(reply.body)):
            file = self._written(reply.body)
        kept = Kept.of(reply, self._clock(), file)
        if not file:
            self.unwritten += 1
            return kept
        self.bytes += kept.size
        if pinned:
            self._pinned[path] = kept
            self._pinned_bytes += kept.size
        else:
            self._loose[path] = kept
        return kept

    def pin(self, paths: Iterable[str]) -> None:
        """Hold these, when they are there or as soon as they come, and those no longer that were held until now."""
        self._to_pin = set(paths)
        gone = [path for path in self._pinned if path not in self._to_pin]
        self._loose = OrderedDict([(path, self._pinned.pop(path)) for path in gone] + list(self._loose.items()))
        for path in [path for path in self._loose if path in self._to_pin]:
            self._pinned[path] = self._loose.pop(path)
        self._pinned_bytes = sum(kept.size for kept in self._pinned.values())

    def drop(self, path: str) -> None:
        """Keep this no longer, if it is kept."""
        kept = self._loose.pop(path, None)
        if kept is None:
            kept = self._pinned.pop(path, None)
            if kept is None:
                return
            self._pinned_bytes -= kept.size
        self.bytes -= kept.size
        kept.remove()

    def _make_room(self, size: int, pinned: bool) -> bool:
        """Whether there is room now; nobody goes in vain."""
        spare = self.limit_bytes - size
        if spare < 0 or (not pinned and self._pinned_bytes > spare):
            return False
        while self.bytes > spare:
            self.drop(next(self.paths()))
        return True

    def _shrink(self, size: int) -> bool:
        """The disk has less room than was promised: give back as much as is needed, of what is not pinned."""
        wanted = self.bytes - size
        while self._loose and self.bytes > wanted:
            self.drop(next(iter(self._loose)))
        return self.bytes <= wanted

    def _written(self, body: bytes) -> Path | None:
        file = self._folder / f"{self._start}-{next(self._names):x}"
        try:
            file.write_bytes(body)
        except OSError as error:
            log.warning("%s cannot be written, so it is not kept: %s", file, error.strerror)
            removed(file)  # what was written of it, if anything was
            self._is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)  # nothing else is mended by fewer files
            return None
        return file

    def _emptied(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for left_over in os.scandir(self._folder):
                os.unlink(left_over)
        except OSError as error:
            log.warning("the cache %s cannot be emptied: %s", self._folder, error.strerror)
