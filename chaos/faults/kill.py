"""kill: an instance dies without warning and stays away for a while."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, cast

from msgspec import Struct

from chaos.model.capabilities import CanKill, Identity
from chaos.model.environment import Environment, is_there
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.reserve import CanCallUp
from chaos.model.system import Instance, Target


class _Place(CanKill, Environment, Protocol):
    """An environment that can kill."""


class Kill(Struct, frozen=True, kw_only=True):
    """Kills an instance at once (SIGKILL, no grace) and keeps it down for the duration.

    Seen as active when the process that ran before is gone, nothing runs under the instance's name, and it is held
    down; as over when something runs under the name again and is not held, or when it has been sent back to rest in
    reserve.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanKill

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        identity = environment.live_identity(target.name)
        return Undo(target=target.name, lease=lease, data={"identity": None if identity is None else {**identity}})

    def inject(self, environment: _Place, undo: Undo) -> None:
        environment.hold_down(undo.target, undo.lease.holder, undo.lease.expires_at)

    def revert(self, environment: _Place, undo: Undo) -> None:
        environment.let_go(undo.target, undo.lease.holder)

    def active(self, environment: _Place, undo: Undo) -> Observation:
        if not is_there(environment, "instance", undo.target):
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        before = cast(Identity | None, undo.data["identity"])
        survives = before is not None and environment.process_state(before) != "gone"
        now = environment.live_identity(undo.target)
        held = environment.is_held(undo.target, undo.lease.holder)
        if now is not None and not held:
            return Observation(Active.NO, f"{undo.target} runs as {_words(now)}, not held down")
        if not held and now is None and isinstance(environment, CanCallUp) and environment.duty(undo.target) == "rests":
            return Observation(Active.NO, f"{undo.target} rests in reserve, not held down by this fault")
        if survives or now is not None:
            return Observation(Active.UNKNOWN, f"{undo.target} is held down, but {_words(now or before)} runs")
        if held:
            return Observation(Active.YES, f"{_words(before)} is gone, nothing runs as {undo.target}, it is held down")
        return Observation(Active.UNKNOWN, f"{undo.target} is not held down by this fault, but nothing runs there")


def _words(identity: Identity | None) -> str:
    return "nothing" if identity is None else " ".join(f"{key} {value}" for key, value in identity.items())
