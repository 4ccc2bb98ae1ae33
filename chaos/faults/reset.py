"""reset: connections over a link break off, as when a load balancer forgets them."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.links import Resets, change_name
from chaos.model.system import Link, Target

_PATIENCE_MS = 2000.0


class Reset(Struct, frozen=True, kw_only=True):
    """Resets every connection over a link (TCP RST) as soon as it is used, those that were open before too.

    Seen as active when a new connection is reset although the destination takes one that comes directly; as over when
    the link answers.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanChangeLinks

    def prepare(self, environment: CanChangeLinks, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        knock = environment.knock([target.name], _PATIENCE_MS).get(target.name)
        if knock is None or knock.over != "answered":
            raise ActionFailed(f"{target.name} does not answer, so a reset could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanChangeLinks, undo: Undo) -> None:
        environment.change_links([undo.target], change_name(undo), Resets(), undo.lease.expires_at)

    def revert(self, environment: CanChangeLinks, undo: Undo) -> None:
        environment.restore_links([undo.target], change_name(undo))

    def active(self, environment: CanChangeLinks, undo: Undo) -> Observation:
        knock = environment.knock([undo.target], _PATIENCE_MS).get(undo.target)
        if knock is None:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        said = f"over {undo.target} a connection was {knock.over}, straight to its destination {knock.behind}"
        if knock.over == "answered":
            return Observation(Active.NO, said)
        return Observation(Active.YES if (knock.over, knock.behind) == ("reset", "answered") else Active.UNKNOWN, said)
