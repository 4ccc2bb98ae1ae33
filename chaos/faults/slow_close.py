"""slow_close: the end of what a destination sends comes late, although all data has come."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from msgspec import Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.errors import ActionFailed
from chaos.model.fault import Lease, Observation, Undo
from chaos.model.links import Delay, LateClose, change_name, fastest, lateness, usual_ms
from chaos.model.system import Link, Target

_PATIENCE_MS = 1000.0


class SlowClose(Struct, frozen=True, kw_only=True):
    """Delays the end of every connection over a link by `delay`: callers that wait for it hold on to their connections.

    Data comes as ever. Seen by timing how long the end of a connection takes to come back: active when it takes at
    least half of the delay more than before. Delays below 20 ms drown in the noise of a busy machine.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanChangeLinks

    delay_ms: float

    def __post_init__(self) -> None:
        if self.delay_ms <= 0:
            raise ValueError("the delay must be more than 0")

    def prepare(self, environment: CanChangeLinks, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        before = usual_ms(lambda links: environment.knock(links, _PATIENCE_MS), [target.name])
        if not before:
            raise ActionFailed(f"{target.name} does not answer, so a late close could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"before_ms": before[target.name]})

    def inject(self, environment: CanChangeLinks, undo: Undo) -> None:
        change = LateClose(delay_ms=self.delay_ms)
        environment.change_links([undo.target], change_name(undo), change, undo.lease.expires_at)

    def revert(self, environment: CanChangeLinks, undo: Undo) -> None:
        environment.restore_links([undo.target], change_name(undo))

    def active(self, environment: CanChangeLinks, undo: Undo) -> Observation:
        before = {undo.target: cast(float, undo.data["before_ms"])}
        delay = Delay(delay_ms=self.delay_ms)
        patience_ms = before[undo.target] + self.delay_ms + _PATIENCE_MS
        knocks = fastest(lambda links: environment.knock(links, patience_ms), before, delay)
        return lateness(before, knocks, delay)
