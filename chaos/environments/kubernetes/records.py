"""What we write onto the objects that we change: who holds them, until when, and what was before.

One annotation, `steadfast.dev/holds`, is the truth; the label `steadfast.dev/held` finds such objects; the other two
annotations are for people. A record is enough to put the object right in a process that knows nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct, structs

from chaos.environments.kubernetes.objects import Meta, Node, Taint
from chaos.model.errors import ActionFailed

HELD = "steadfast.dev/held"
HOLDS = "steadfast.dev/holds"
UNTIL = "steadfast.dev/until"
HOLDER = "steadfast.dev/holder"
HELD_SELECTOR = f"{HELD}=true"
What = Literal["kill", "scale", "cordon", "taint", "stop", "isolate", "unreadable"]


class HeldPod(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pod that was taken down: what the inventory goes on listing. `cost` is the deletion cost it had before."""

    name: str
    namespace: str
    uid: str
    service: str = ""
    region: str = ""
    node: str = ""
    cost: str = ""


class Hold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one injection does to an object until `until` (epoch seconds). `replicas` belongs to a scale."""

    what: What
    until: float
    pods: tuple[HeldPod, ...] = ()
    replicas: int = 0
    taint: Taint | None = None


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All holds on one object by holder, and what the object said before the first of them."""

    holds: dict[str, Hold] = {}
    replicas: int = 0
    unschedulable: bool = False

    def having(self, holder: str, hold: Hold) -> Record:
        return structs.replace(self, holds={**self.holds, holder: hold})

    def without(self, holder: str) -> Record:
        return structs.replace(self, holds={name: hold for name, hold in self.holds.items() if name != holder})

    @property
    def wanted_replicas(self) -> int:
        """The smallest of what is asked for by scaling; else what was before, less one for each pod kept down."""
        scaled = [hold.replicas for hold in self.holds.values() if hold.what == "scale"]
        killed = sum(hold.what == "kill" for hold in self.holds.values())
        return min(scaled) if scaled else max(0, self.replicas - killed)

    @property
    def wanted_unschedulable(self) -> bool:
        return self.unschedulable or any(hold.what == "cordon" for hold in self.holds.values())

    @property
    def taints(self) -> list[Taint]:
        return [hold.taint for hold in self.holds.values() if hold.taint is not None]


def record_of(meta: Meta) -> Record | None:
    """The record on an object, None without one. Raises ActionFailed for one that somebody has spoiled."""
    text = meta.annotations.get(HOLDS)
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=Record)
    except msgspec.DecodeError as error:
        raise ActionFailed(
            f"the annotation {HOLDS} of {meta.name} cannot be read: {error}",
            "somebody has changed it: put the object right by hand, then remove it",
        ) from error


Read = Callable[[Meta], Record | None]
"""How who goes through many objects takes one that is spoilt: `record_of` ends the search, the next goes on."""


def record_or_spoilt(meta: Meta) -> Record | None:
    """As `record_of`, but a record that cannot be read is one with a hold that says so, and has expired."""
    try:
        return record_of(meta)
    except ActionFailed:
        return Record(holds={"": Hold(what="unreadable", until=0.0)})


def metadata_with(record: Record | None, resource_version: str = "") -> dict[str, object]:
    """The metadata of a merge patch that writes the record, or takes every trace of one away.

    With a resource version the patch fails when somebody else was faster.
    """
    if record is None or not record.holds:
        labels: dict[str, str | None] = {HELD: None}
        annotations: dict[str, str | None] = {HOLDS: None, UNTIL: None, HOLDER: None}
    else:
        labels = {HELD: "true"}
        latest = max(hold.until for hold in record.holds.values())
        annotations = {
            HOLDS: msgspec.json.encode(record).decode(),
            UNTIL: datetime.fromtimestamp(latest, UTC).isoformat(timespec="seconds"),
            HOLDER: ", ".join(sorted(record.holds)),
        }
    written: dict[str, object] = {"labels": labels, "annotations": annotations}
    if resource_version:
        written["resourceVersion"] = resource_version
    return written


def short_name(holder: str) -> str:
    """A holder's name as a part of names and label keys: they allow neither its length nor its slashes."""
    return hashlib.sha256(holder.encode()).hexdigest()[:12]


def taints_of(node: Node, before: Record | None, record: Record) -> list[dict[str, object]]:
    """The node's taints as they should be: those that are not ours, and ours."""
    ours = [*(before.taints if before else []), *record.taints]
    others = [taint for taint in node.spec.taints if not any(_same(taint, each) for each in ours)]
    built: list[dict[str, object]] = msgspec.to_builtins([*others, *record.taints])
    return built


def _same(one: Taint, other: Taint) -> bool:
    return (one.key, one.value, one.effect) == (other.key, other.value, other.effect)
