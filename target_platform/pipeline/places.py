"""Where a pipeline keeps things: a folder is enough for one machine, an S3 bucket serves many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from target_platform.pipeline.errors import Rejected
from target_platform.pipeline.worker import TERMS
from target_platform.stores.objects.interface import Objects
from target_platform.stores.objects.place import objects_at
from target_platform.stores.queue.interface import Queue, Terms
from target_platform.stores.queue.sqlite import SqliteQueue


class Open(Struct, frozen=True, kw_only=True):
    """A store and a queue, in use."""

    objects: Objects
    queue: Queue
    terms: Terms


@contextmanager
def opened(store: str, queue_file: Path | None = None, terms: Terms = TERMS) -> Iterator[Open]:
    """A folder has both, objects and queue. An `s3://` place (see `objects_at`) needs a queue beside it.

    Raises Rejected, ObjectsFailed and QueueFailed.
    """
    in_folder = not store.startswith("s3://")
    if not in_folder and queue_file is None:
        raise Rejected(f"{store} has no queue: name a file for it (--queue).")
    objects = objects_at(str(Path(store) / "objects") if in_folder else store)
    try:
        queue = SqliteQueue(queue_file or Path(store) / "queue.sqlite", terms)
        try:
            yield Open(objects=objects, queue=queue, terms=terms)
        finally:
            queue.close()
    finally:
        objects.close()
