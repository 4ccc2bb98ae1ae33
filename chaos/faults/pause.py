"""pause: an instance stands still, as in a long garbage collection or a virtual machine that is moved."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from msgspec import Struct

from chaos.model.capabilities import CanPause, Identity
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target


class Pause(Struct, frozen=True, kw_only=True):
    """Stops an instance without killing it: it keeps memory and connections, accepts, and answers nothing.

    A process is sent SIGSTOP, those of a pod are held by ptrace. Seen as active when the operating system shows that
    very instance as stopped (state T, or t); as over when it runs or is gone. A stopped process has no timer: a
    detached process ends the lease; in a pod the agent that holds it does, also by dying.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanPause
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanPause, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        if target.identity is None:
            raise ActionFailed(f"{target.name} does not run, so it cannot be paused", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"identity": dict(target.identity)})

    def inject(self, environment: CanPause, undo: Undo) -> None:
        environment.pause(_identity(undo), undo.lease.expires_at)

    def revert(self, environment: CanPause, undo: Undo) -> None:
        environment.resume(_identity(undo))

    def active(self, environment: CanPause, undo: Undo) -> Observation:
        identity = _identity(undo)
        state = environment.process_state(identity)
        words = " ".join(f"{key} {value}" for key, value in identity.items())
        return Observation(Active.YES if state == "paused" else Active.NO, f"{undo.target} ({words}) is {state}")


def _identity(undo: Undo) -> Identity:
    return cast(Identity, undo.data["identity"])
