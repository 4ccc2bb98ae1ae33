"""restart: an instance dies once, and whoever supervises it brings it back."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, cast

from msgspec import Struct

from chaos.model.capabilities import CanRestart, Identity
from chaos.model.environment import Environment, is_there
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target


class _Place(CanRestart, Environment, Protocol):
    """An environment that can kill once."""


class Restart(Struct, frozen=True, kw_only=True):
    """Kills an instance once (SIGKILL, no grace) and leaves it to its supervisor to bring it back.

    Strikes once, so there is nothing to hold or to take back. Seen as active when the process that ran before is gone
    and nothing runs under the name yet; as passed, which counts as struck and as over, when a new process runs there.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanRestart
    stacks: ClassVar[bool] = False

    def prepare(self, environment: _Place, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        identity = environment.live_identity(target.name)
        if identity is None:
            raise ActionFailed(f"{target.name} does not run, so it cannot be restarted", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"identity": {**identity}})

    def inject(self, environment: _Place, undo: Undo) -> None:
        environment.kill_once(_identity(undo))

    def revert(self, environment: _Place, undo: Undo) -> None:
        """Nothing to do: bringing it back is the supervisor's part, and whether it did is looked at."""

    def active(self, environment: _Place, undo: Undo) -> Observation:
        before = _identity(undo)
        was = _words(before)
        if environment.process_state(before) != "gone":
            return Observation(Active.NO, f"{undo.target} still runs as {was}")
        if not is_there(environment, "instance", undo.target):
            return Observation(Active.PASSED, f"{was} is gone, and {undo.target} does not exist any more")
        now = environment.live_identity(undo.target)
        if now is None:
            return Observation(Active.YES, f"{was} is gone, and nothing runs as {undo.target} yet")
        return Observation(Active.PASSED, f"{was} is gone, {undo.target} was brought back as {_words(now)}")


def _identity(undo: Undo) -> Identity:
    return cast(Identity, undo.data["identity"])


def _words(identity: Identity) -> str:
    return " ".join(f"{key} {value}" for key, value in identity.items())
