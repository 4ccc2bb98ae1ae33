"""Where a pipeline keeps things: a folder is enough for one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from target_platform.pipeline.worker import TERMS
from target_platform.stores.objects.interface import Objects
from target_platform.stores.objects.on_disk import DiskObjects
from target_platform.stores.queue.interface import Queue, Terms
from target_platform.stores.queue.sqlite import SqliteQueue


class Open(Struct, frozen=True, kw_only=True):
    """A store and a queue, in use."""

    objects: Objects
    queue: Queue
    terms: Terms


@contextmanager
def opened(folder: Path, terms: Terms = TERMS) -> Iterator[Open]:
    """The store and the queue of a folder. Raises ObjectsFailed and QueueFailed."""
    objects = DiskObjects(folder / "objects")
    try:
        queue = SqliteQueue(folder / "queue.sqlite", terms)
        try:
            yield Open(objects=objects, queue=queue, terms=terms)
        finally:
            queue.close()
    finally:
        objects.close()
