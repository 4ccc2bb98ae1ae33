"""A fault breaks ONE target; what is needed to undo it is data, written down before the act."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar

from msgspec import Struct

from chaos.model.system import JSON, Target, TargetKind

Capability_contra = TypeVar("Capability_contra", contravariant=True)


class Active(StrEnum):
    """Whether a fault is in effect, as measured from its effect.

    PASSED is for faults that strike once: it was seen to have struck, and the system has recovered from it by itself.
    """

    YES = "yes"
    NO = "no"
    UNKNOWN = "cannot tell"
    PASSED = "passed"

    @property
    def struck(self) -> bool:
        """The fault took effect, whether or not it lasts."""
        return self in (Active.YES, Active.PASSED)

    @property
    def over(self) -> bool:
        """Nothing of it is left."""
        return self in (Active.NO, Active.PASSED)


class Observation(Struct, frozen=True):
    """An answer to "is it active?" and what was seen that says so, e.g. "process 4242 is in state T"."""

    active: Active
    evidence: str


class Lease(Struct, frozen=True):
    """How long an injection may last at most: `expires_at` in epoch seconds, enforced where the effect lives."""

    run: str
    injection: str
    expires_at: float

    @property
    def holder(self) -> str:
        """A name for this injection that no other run uses."""
        return f"{self.run}/{self.injection}"


class Undo(Struct, frozen=True):
    """Everything revert needs, in a fresh process, from the record alone.

    `data` holds the target's identity and its previous state as JSON, never code.
    """

    target: str
    lease: Lease
    data: dict[str, JSON] = {}


class Fault(Protocol[Capability_contra]):
    """A plug-in in faults/: a frozen Struct whose fields are its parameters (unit-suffixed).

    `prepare` changes nothing. `inject` and `revert` are absolute and idempotent: twice is once, and
    revert is safe if inject never ran or the target has vanished (a vanished target is reverted).
    `active` measures the effect itself. Errors of the first three are ActionFailed.
    """

    target_kind: ClassVar[TargetKind]
    needs: ClassVar[type]
    """The capability protocol (capabilities.py) an environment must offer."""

    def prepare(self, environment: Capability_contra, target: Target, lease: Lease) -> Undo: ...

    def inject(self, environment: Capability_contra, undo: Undo) -> None: ...

    def revert(self, environment: Capability_contra, undo: Undo) -> None: ...

    def active(self, environment: Capability_contra, undo: Undo) -> Observation: ...


AnyFault = Fault[Any]


def stacks(fault: AnyFault) -> bool:
    """Whether two of its kind may be on one target at once, each to be reverted without the other.

    So it is unless the fault says `stacks: ClassVar[bool] = False`: a hold has a holder and a toxic a name, but a
    process is stopped or it is not, and of two old limits only one is the right one to go back to.
    """
    return bool(getattr(fault, "stacks", True))


def nests(fault: AnyFault) -> bool:
    """Whether one of its kind may begin on a target that another holds, and end before that one does.

    So it is with all that stack, and with those that say `nests: ClassVar[bool] = True`: what the later one found is
    what the earlier one made.
    """
    return stacks(fault) or bool(getattr(fault, "nests", False))
