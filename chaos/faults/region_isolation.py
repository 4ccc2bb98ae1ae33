"""region_isolation: a region lives, but is cut off from the others."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, cast

from msgspec import Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.environment import Environment
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.links import Silence, change_name, silence
from chaos.model.system import Region, Target

_PATIENCE_MS = 1000.0


class _Place(CanChangeLinks, Environment, Protocol):
    """An environment that can change links."""


class RegionIsolation(Struct, frozen=True, kw_only=True):
    """Nothing passes any link that crosses the border of a region, in either direction; inside all goes on.

    Users still reach both sides (a split brain): what cuts them off too is region_outage. Seen as active when all these
    links are silent for 1 s while what they lead to answers when it is asked directly; as over when all answer.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanChangeLinks

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Region), "the selector's kind is target_kind"
        links = environment.inventory().links_across_border(target.name)
        if not links:
            raise ActionFailed(f"no link crosses the border of {target.name}", took_effect="no")
        silent = [name for name, knock in environment.knock(links, _PATIENCE_MS).items() if knock.over == "silent"]
        if silent:
            raise ActionFailed(f"{silent[0]} is silent already, so isolation could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"links": [*links]})

    def inject(self, environment: _Place, undo: Undo) -> None:
        environment.change_links(_links(undo), change_name(undo), Silence(), undo.lease.expires_at)

    def revert(self, environment: _Place, undo: Undo) -> None:
        environment.restore_links(_links(undo), change_name(undo))

    def active(self, environment: _Place, undo: Undo) -> Observation:
        return silence(environment.knock(_links(undo), _PATIENCE_MS))


def _links(undo: Undo) -> list[str]:
    return cast(list[str], undo.data["links"])
