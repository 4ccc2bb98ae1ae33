"""dependency_errors: a dependency answers, but with errors."""

from __future__ import annotations

from math import ceil, sqrt
from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.capabilities import CanAnswerRequests
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.links import Errors, change_name
from chaos.model.system import Link, Target

_FEWEST, _MOST = 8, 400
_PATIENCE_MS = 2000.0


class DependencyErrors(Struct, frozen=True, kw_only=True):
    """Answers a `share` of the HTTP requests over a link with `status`; the destination never sees them.

    Which is drawn for each request, not for each connection. `path` narrows it to requests whose path begins so. Seen
    by asking for `path` (empty: where the destination's health is asked) some 8 to 400 times, the more the smaller the
    share: active when errors come at about that share, over when there are none. Shares below 1% cannot be seen.
    """

    target_kind: ClassVar[Literal["link"]] = "link"
    needs: ClassVar[type] = CanAnswerRequests

    status: int = 503
    share: float = 1.0
    path: str = ""

    def __post_init__(self) -> None:
        if not 400 <= self.status <= 599:
            raise ValueError(f"{self.status} is no error: it must be 400 to 599")
        if not 0.01 <= self.share <= 1:
            raise ValueError("the share must be 1% to 100%")

    def prepare(self, environment: CanAnswerRequests, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Link), "the selector's kind is target_kind"
        bad = [
            each.status
            for each in environment.ask_link(target.name, self.path, _PATIENCE_MS, 3)
            if each.status in (0, self.status)
        ]
        if bad:
            said = "does not answer" if bad[0] == 0 else f"answers {self.status} already"
            raise ActionFailed(f"{target.name} {said}, so errors could not be told apart", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanAnswerRequests, undo: Undo) -> None:
        change = Errors(status=self.status, share=self.share, path=self.path)
        environment.change_links([undo.target], change_name(undo), change, undo.lease.expires_at)

    def revert(self, environment: CanAnswerRequests, undo: Undo) -> None:
        environment.restore_links([undo.target], change_name(undo))

    def active(self, environment: CanAnswerRequests, undo: Undo) -> Observation:
        # None at all in so many has a probability of e**-7 at most, one in a thousand.
        times = min(_MOST, max(_FEWEST, ceil(7 / self.share)))
        heard = environment.ask_link(undo.target, self.path, _PATIENCE_MS, 1)
        if heard and heard[0].status:  # a first silence is enough to know
            heard += environment.ask_link(undo.target, self.path, _PATIENCE_MS, times - 1)
        if not heard:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        errors = sum(each.status == self.status for each in heard)
        seen = errors / len(heard)
        counted = f"{errors} of {len(heard)} requests over {undo.target}"
        said = f"{counted} were answered {self.status} ({self.share:.0%} wanted)"
        off = 4 * sqrt(self.share * (1 - self.share) / len(heard)) + 1 / len(heard)
        if any(each.status == 0 for each in heard):
            return Observation(Active.UNKNOWN, f"{said}, and some had no answer at all")
        if not errors:
            return Observation(Active.NO, said)
        return Observation(Active.YES if abs(seen - self.share) <= off else Active.UNKNOWN, said)
