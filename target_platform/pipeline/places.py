"""Where a pipeline keeps things: a folder is enough for one machine, an S3 bucket and a NATS server serve many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import Struct

from target_platform.pipeline.errors import Rejected
from target_platform.pipeline.worker import TERMS
from target_platform.stores.objects.interface import Objects
from target_platform.stores.objects.place import is_folder, objects_at
from target_platform.stores.queue.interface import Queue, Terms
from target_platform.stores.queue.place import queue_at


class Open(Struct, frozen=True, kw_only=True):
    """A store and a queue, in use."""

    objects: Objects
    queue: Queue
    terms: Terms


@contextmanager
def opened(store: str, queue: str = "", terms: Terms = TERMS) -> Iterator[Open]:
    """A folder has both, objects and queue. An `s3://` place (see `objects_at`) needs a queue besides (see `queue_at`).

    Raises Rejected, ObjectsFailed and QueueFailed.
    """
    in_folder = is_folder(store)
    if not in_folder and not queue:
        raise Rejected(f"{store} has no queue: name a file for it, or nats://HOST:PORT/NAME (--queue).")
    with (
        closing(objects_at(str(Path(store) / "objects") if in_folder else store)) as objects,
        closing(queue_at(queue or str(Path(store) / "queue.sqlite"), terms)) as jobs,
    ):
        yield Open(objects=objects, queue=jobs, terms=terms)
