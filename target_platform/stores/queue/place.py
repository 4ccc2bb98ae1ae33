"""Which queue: told in a line, so that it can stand in a configuration."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from target_platform.stores.queue.interface import Queue, QueueFailed, Terms
from target_platform.stores.queue.sqlite import SqliteQueue


def queue_at(place: str, terms: Terms | None = None) -> Queue:
    """A file, or `nats://HOST:PORT/NAME`. Raises QueueFailed. NATS needs `pip install 'steadfast-chaos[stores]'`."""
    if is_file(place):
        return SqliteQueue(Path(place), terms)
    try:
        from target_platform.stores.queue.jetstream import JetStreamQueue, NatsPlace
    except ImportError as error:
        raise QueueFailed(f"{place} needs nats-py: pip install 'steadfast-chaos[stores]' ({error})") from error
    parts = urlsplit(place)
    return JetStreamQueue(NatsPlace(url=f"nats://{parts.netloc}", name=parts.path.strip("/") or "jobs"), terms)


def is_file(place: str) -> bool:
    """Whether it is on this machine's disk."""
    return not place.startswith("nats://")
