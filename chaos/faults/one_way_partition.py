"""one_way_partition: a link carries bytes in one direction only."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.links import Direction, Silence, change_name, silence
from chaos.model.system import Link, Target

_PATIENCE_MS = 1000.0


class OneWayPartition(Struct, frozen=True, kw_only=True):
    """What passes a link in one `direction` vanishes: `to` its destination (which never hears of a request), or `from`
    it (the work is done, and nobody learns of it).

    Seen as active when the link is silent for 1 s while its destination answers when it is asked directly; as over when
    the link answers. That it is silent is measured, in which direction is not: a caller cannot tell that either.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanChangeLinks

    direction: Direction

    def prepare(self, environment: CanChangeLinks, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        knock = environment.knock([target.name], _PATIENCE_MS).get(target.name)
        if knock is None or knock.over == "silent":
            raise ActionFailed(f"{target.name} is silent already, so a partition could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanChangeLinks, undo: Undo) -> None:
        change = Silence(directions=(self.direction,))
        environment.change_links([undo.target], change_name(undo), change, undo.lease.expires_at)

    def revert(self, environment: CanChangeLinks, undo: Undo) -> None:
        environment.restore_links([undo.target], change_name(undo))

    def active(self, environment: CanChangeLinks, undo: Undo) -> Observation:
        return silence(environment.knock([undo.target], _PATIENCE_MS))
