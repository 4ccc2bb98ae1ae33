"""bandwidth: a link becomes narrow."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.capabilities import CanChangeLinks
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.links import Throttle, change_name
from chaos.model.system import Link, Target

_LOOK_SECONDS = 0.3
"""So long the bytes of one look take at the limit."""
_MOST_REQUESTS = 200


class Bandwidth(Struct, frozen=True, kw_only=True):
    """Limits what a destination sends over a link to `rate`, for each connection by itself.

    Seen by fetching `path` (empty: where its health is asked) over and over: active when the bytes come at no more than
    1.2 times the rate, over when at 1.5 times. Before the fault they must come at twice the rate, so name a path
    with a large answer for a high rate.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanChangeLinks

    rate_bytes_per_second: float
    path: str = ""

    def __post_init__(self) -> None:
        if self.rate_bytes_per_second < 1000:
            raise ValueError("the rate must be at least 1KB/s; to let nothing pass use black_hole")

    def prepare(self, environment: CanChangeLinks, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        rate = self._seen_rate(environment, target.name)
        if rate is None or rate < 2 * self.rate_bytes_per_second:
            seen = "nothing" if rate is None else f"{rate / 1000:.0f} KB/s"
            hint = "choose a lower rate, or a path with a larger answer"
            raise ActionFailed(f"{target.name} carries {seen}, so that limit could not be seen", hint, took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanChangeLinks, undo: Undo) -> None:
        change = Throttle(bytes_per_second=self.rate_bytes_per_second)
        environment.change_links([undo.target], change_name(undo), change, undo.lease.expires_at)

    def revert(self, environment: CanChangeLinks, undo: Undo) -> None:
        environment.restore_links([undo.target], change_name(undo))

    def active(self, environment: CanChangeLinks, undo: Undo) -> Observation:
        if not environment.knock([undo.target], 1000):
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        rate = self._seen_rate(environment, undo.target)
        if rate is None:
            return Observation(Active.UNKNOWN, f"no whole answer came over {undo.target}")
        times = rate / self.rate_bytes_per_second
        active = Active.YES if times <= 1.2 else Active.NO if times >= 1.5 else Active.UNKNOWN
        return Observation(active, f"{undo.target} carries {rate / 1000:.1f} KB/s, {times:.2f} times the limit")

    def _seen_rate(self, environment: CanChangeLinks, link: str) -> float | None:
        """Bytes a second over a fair number of answers; None when one does not come."""
        wanted = self.rate_bytes_per_second * _LOOK_SECONDS
        got, took_ms = 0, 0.0
        for _ in range(_MOST_REQUESTS):
            heard = environment.ask_link(link, self.path, 10_000)
            if not heard or heard[0].status == 0:
                return None
            got, took_ms = got + heard[0].bytes, took_ms + heard[0].ms
            if got >= wanted or took_ms >= 2000 * _LOOK_SECONDS:
                break
        return got / took_ms * 1000
