"""black_hole: a link swallows everything, as a broken switch or a wrong firewall rule does."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.links import Silence, change_name, silence
from chaos.model.system import Link, Target

_PATIENCE_MS = 1000.0


class BlackHole(Struct, frozen=True, kw_only=True):
    """Nothing passes a link, in either direction, and nobody is told: connections hang, those that exist and new ones.

    Seen as active when the link is silent for 1 s while its destination answers when it is asked directly; as over
    when the link answers. Connections that lost bytes are closed at the end.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanChangeLinks

    def prepare(self, environment: CanChangeLinks, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        knock = environment.knock([target.name], _PATIENCE_MS).get(target.name)
        if knock is None or knock.over == "silent":
            raise ActionFailed(f"{target.name} is silent already, so a black hole could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanChangeLinks, undo: Undo) -> None:
        environment.change_links([undo.target], change_name(undo), Silence(), undo.lease.expires_at)

    def revert(self, environment: CanChangeLinks, undo: Undo) -> None:
        environment.restore_links([undo.target], change_name(undo))

    def active(self, environment: CanChangeLinks, undo: Undo) -> Observation:
        return silence(environment.knock([undo.target], _PATIENCE_MS))
