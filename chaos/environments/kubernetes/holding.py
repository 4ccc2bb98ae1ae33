"""Objects that bear a record: changing one together with all that follows from its record, and finding them all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.objects import Meta, Named
from chaos.environments.kubernetes.records import HELD_SELECTOR, Read, Record, metadata_with, record_of
from chaos.model.errors import ActionFailed

_ATTEMPTS = 12
Change = Callable[[Record], Record]


class _HasMeta(Protocol):
    @property
    def metadata(self) -> Meta: ...


Held = TypeVar("Held", bound=_HasMeta)


@dataclass(frozen=True)
class Kind(Generic[Held]):
    """A kind of object: its type, what it says before the first hold, and its spec by the record before and after."""

    of: type[Held]
    untouched: Callable[[Held], Record]
    spec: Callable[[Held, Record | None, Record], dict[str, object]]


def change_held(cluster: Cluster, path: str, kind: Kind[Held], change: Change) -> None:
    """Change the record on an object, and with the same request what follows from it. Nothing when it is gone.

    Raises ActionFailed when others are faster every time.
    """
    for attempt in range(_ATTEMPTS):
        found = cluster.find(path, kind.of)
        if found is None:
            return
        before = record_of(found.metadata)
        record = change(before or kind.untouched(found))
        if before is None and not record.holds:
            return
        body = {
            "metadata": metadata_with(record, found.metadata.resource_version),
            "spec": kind.spec(found, before, record),
        }
        try:
            cluster.patch(path, body)
        except answers.Conflict:
            time.sleep(0.02 * (attempt + 1))
        else:
            return
    named = path.rpartition("/")[2]
    raise ActionFailed(f"{named} is being changed by others all the time", took_effect="no")


def held_in(cluster: Cluster, path: str, read: Read = record_of) -> list[tuple[str, Record]]:
    """Name and record of all objects of a list that bear one."""
    found = [(each, read(each.metadata)) for each in cluster.every(path, Named, {"labelSelector": HELD_SELECTOR})]
    return [(each.metadata.name, record) for each, record in found if record is not None]
