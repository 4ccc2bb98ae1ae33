"""partition: two groups of instances cannot reach each other, whoever calls."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, cast

from msgspec import Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.environment import Environment
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.links import Silence, change_name, silence
from chaos.model.system import Link, Target

_PATIENCE_MS = 1000.0


class _Place(CanChangeLinks, Environment, Protocol):
    """An environment that can change links."""


class Partition(Struct, frozen=True, kw_only=True):
    """Cuts off the two ends of a link from each other: nothing passes the link, nor the links that lead back from its
    destination's service and region to the callers.

    With `amount: all` and labels for both groups (`{from: [a, b], to: [c, d]}`, or `from_region` and `to_region`) it
    parts the two groups. Seen as active when all these links are silent for 1 s while what they lead to answers when it
    is asked directly; as over when all answer.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanChangeLinks

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        back = [each.name for each in environment.inventory().links if _leads_back(each, target)]
        links = [target.name, *back]
        silent = [name for name, knock in environment.knock(links, _PATIENCE_MS).items() if knock.over == "silent"]
        if silent:
            raise ActionFailed(f"{silent[0]} is silent already, so a partition could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"links": [*links]})

    def inject(self, environment: _Place, undo: Undo) -> None:
        environment.change_links(_links(undo), change_name(undo), Silence(), undo.lease.expires_at)

    def revert(self, environment: _Place, undo: Undo) -> None:
        environment.restore_links(_links(undo), change_name(undo))

    def active(self, environment: _Place, undo: Undo) -> Observation:
        return silence(environment.knock(_links(undo), _PATIENCE_MS))


def _leads_back(link: Link, there: Link) -> bool:
    callers = (there.source, there.source_region)
    called = (there.destination, there.destination_region)
    same = (link.source, link.source_region) == called and (link.destination, link.destination_region) == callers
    return same and link.name != there.name


def _links(undo: Undo) -> list[str]:
    return cast(list[str], undo.data["links"])
