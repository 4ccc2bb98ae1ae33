"""latency: a link becomes slow."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, cast

from msgspec import Struct

from chaos.model import round_trips
from chaos.model.capabilities import CanShapeLinks
from chaos.model.environment import Environment, is_there
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.links import Delay
from chaos.model.system import Link, Target


class _Place(CanShapeLinks, Environment, Protocol):
    """An environment that can shape links."""


class Latency(Struct, frozen=True, kw_only=True):
    """Delays everything that the destination answers over a link by `delay`, plus or minus up to `jitter`.

    Order is kept and throughput is not limited. Seen by timing round trips against the fastest one before: active
    when each of three takes at least half of the smallest added delay more, over as soon as one does not, since a busy
    machine makes round trips slower and never faster. With a jitter of more than half the delay one may be fast by
    chance: then it is over when none takes longer, and if some do nobody can tell. Delays below 5 ms drown in the
    noise of a busy machine, those above 4 s cannot be measured.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanShapeLinks

    delay_ms: float
    jitter_ms: float = 0.0

    def __post_init__(self) -> None:
        if self.delay_ms <= 0:
            raise ValueError("the delay must be more than 0")
        if not 0 <= self.jitter_ms <= self.delay_ms:
            raise ValueError("the jitter must be between 0 and the delay: nothing can arrive before it was sent")

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        usual_ms = round_trips.usual_ms(lambda: environment.round_trip_ms(target.name), self._delay)
        if usual_ms is None:
            raise ActionFailed(f"{target.name} does not answer, so a delay could not be seen", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"round_trip_ms": round(usual_ms, 3)})

    def inject(self, environment: _Place, undo: Undo) -> None:
        until = undo.lease.expires_at
        environment.delay_link(undo.target, _name(undo), self.delay_ms, self.jitter_ms, until)

    def revert(self, environment: _Place, undo: Undo) -> None:
        environment.clear_link(undo.target, _name(undo))

    def active(self, environment: _Place, undo: Undo) -> Observation:
        before = cast(float, undo.data["round_trip_ms"])
        seen = round_trips.judged(lambda: environment.round_trip_ms(undo.target), before, self._delay)
        return seen or self._silent(environment, undo)

    def _silent(self, environment: _Place, undo: Undo) -> Observation:
        if not is_there(environment, "link", undo.target):
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        return Observation(Active.UNKNOWN, f"nothing answers over {undo.target}, so its delay cannot be seen")

    @property
    def _delay(self) -> Delay:
        return Delay(delay_ms=self.delay_ms, jitter_ms=self.jitter_ms)


def _name(undo: Undo) -> str:
    """One toxic for each injection: two delays on one link are reverted one by one."""
    return f"chaos-{undo.lease.run}-{undo.lease.injection}"
