"""local/call_up: an instance that is kept in reserve serves, as before users of another region come."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.reserve import CanCallUp
from chaos.model.system import Target


class CallUp(Struct, frozen=True, kw_only=True):
    """Starts an instance that is kept in reserve (label `reserve`: `yes`), and puts it back to rest when it ends.

    Nothing is broken: it is the room that what stands under `meanwhile` needs. `chaos platform up --reserve SERVICE`
    makes such instances. Seen as active when it is ready; as over when it rests. A detached process ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanCallUp
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanCallUp, target: Target, lease: Lease) -> Undo:
        duty = environment.duty(target.name)
        if duty != "rests":
            said = "is not kept in reserve" if duty is None else "has been called up already"
            raise ActionFailed(f"{target.name} {said}", 'add `reserve: "yes"` to the target\'s labels', "no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanCallUp, undo: Undo) -> None:
        environment.call_up(undo.target)

    def revert(self, environment: CanCallUp, undo: Undo) -> None:
        environment.send_back(undo.target)

    def active(self, environment: CanCallUp, undo: Undo) -> Observation:
        duty = environment.duty(undo.target)
        if duty is None:
            return Observation(Active.NO, f"{undo.target} is no instance in reserve any more")
        seen = {"rests": Active.NO, "comes": Active.UNKNOWN, "serves": Active.YES}[duty]
        return Observation(seen, f"{undo.target} {duty}")
