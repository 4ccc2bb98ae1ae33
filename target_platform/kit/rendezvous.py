"""The same order of instances for the same key, wherever it is computed."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from target_platform.kit.config import Endpoint


def steered(key: str, instances: Iterable[Endpoint], region: str) -> list[Endpoint]:
    """Instances of the own region first; among them the same order for the same key, so that each caches its share.

    Rendezvous hashing (Thaler and Ravishankar, 1998): when an instance is gone, only its keys move.
    """

    def rank(each: Endpoint) -> tuple[bool, bytes]:
        return each.region != region, blake2b(f"{key}\0{each.instance}".encode(), digest_size=8).digest()

    return sorted(instances, key=rank)
