"""slow_region_link: the way between a region and the others becomes slow."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, cast

from msgspec import Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.environment import Environment
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.links import Delay, change_name, fastest, lateness, usual_ms
from chaos.model.system import Region, Target

_PATIENCE_MS = 1000.0


class _Place(CanChangeLinks, Environment, Protocol):
    """An environment that can change links."""


class SlowRegionLink(Struct, frozen=True, kw_only=True):
    """Delays the answers over every link that crosses the border of a region by `delay`, plus or minus up to `jitter`.

    Comes on top of the distance. Seen by timing a round trip over each: active when every one takes at least half of
    the smallest added delay more than before, over when none does. Delays below 50 ms drown in a busy machine's noise.
    """

    target_kind: ClassVar[Literal["region"]] = "region"
    needs: ClassVar[type] = CanChangeLinks

    delay_ms: float
    jitter_ms: float = 0.0

    def __post_init__(self) -> None:
        if self.delay_ms <= 0:
            raise ValueError("the delay must be more than 0")
        if not 0 <= self.jitter_ms <= self.delay_ms:
            raise ValueError("the jitter must be between 0 and the delay: nothing can arrive before it was sent")

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Region), "the selector's kind is target_kind"
        links = environment.inventory().links_across_border(target.name)
        before = usual_ms(lambda names: environment.knock(names, _PATIENCE_MS), links)
        if not before:
            raise ActionFailed(f"no link that crosses the border of {target.name} answers", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"before_ms": {**before}})

    def inject(self, environment: _Place, undo: Undo) -> None:
        environment.change_links([*_before(undo)], change_name(undo), self._change, undo.lease.expires_at)

    def revert(self, environment: _Place, undo: Undo) -> None:
        environment.restore_links([*_before(undo)], change_name(undo))

    def active(self, environment: _Place, undo: Undo) -> Observation:
        before = _before(undo)
        patience_ms = max(before.values()) + self.delay_ms + self.jitter_ms + _PATIENCE_MS
        knocks = fastest(lambda links: environment.knock(links, patience_ms), before, self._change)
        return lateness(before, knocks, self._change)

    @property
    def _change(self) -> Delay:
        return Delay(delay_ms=self.delay_ms, jitter_ms=self.jitter_ms)


def _before(undo: Undo) -> dict[str, float]:
    return cast(dict[str, float], undo.data["before_ms"])
