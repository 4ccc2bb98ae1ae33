"""aws/document: a machine runs an SSM document, such as one of AWS's that stress it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from chaos.model.aws_acts import CanRunDocument
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Instance, Target

_STATES = {
    "Pending": Active.UNKNOWN,
    "Delayed": Active.UNKNOWN,
    "InProgress": Active.YES,
    "Cancelling": Active.YES,
    "Success": Active.PASSED,
}
"""All others are ends without a success."""


class Document(Struct, frozen=True, kw_only=True):
    """Has the SSM agent of a machine run `document` with `parameters`, and cancels it when the time is over.

    Whatever the document does must end by itself, as AWS's own ones do (AWSFIS-Run-CPU-Stress: DurationSeconds): a
    command that was cancelled may leave processes. Seen as active while SSM says that it works, as passed when it has
    succeeded, as over when it was cancelled or has failed; what it printed is shown. Run and expiry stand in the
    command's comment; a detached process ends the lease.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanRunDocument
    document: Annotated[str, Meta(pattern=r"^[\w.:/-]{3,}$", description="a document is named as SSM has it:")]
    parameters: dict[str, tuple[str, ...]] = {}

    def prepare(self, environment: CanRunDocument, target: Target, lease: Lease) -> Undo:
        assert isinstance(target, Instance), "the selector's kind is target_kind"
        if target.identity is None:
            raise ActionFailed(f"{target.name} does not run, so it can run no document", took_effect="no")
        return Undo(target=target.name, lease=lease)

    def inject(self, environment: CanRunDocument, undo: Undo) -> None:
        lease = undo.lease
        environment.run_document(undo.target, lease.holder, self.document, self.parameters, lease.expires_at)

    def revert(self, environment: CanRunDocument, undo: Undo) -> None:
        environment.cancel_document(undo.target, undo.lease.holder)

    def active(self, environment: CanRunDocument, undo: Undo) -> Observation:
        sent = environment.command(undo.target, undo.lease.holder)
        if sent is None:
            return Observation(Active.NO, f"no command of this fault was sent to {undo.target}")
        said = f"command {sent.id} on {undo.target} is {sent.status}" + (f": {sent.said}" if sent.said else "")
        return Observation(_STATES.get(sent.status, Active.NO), said)
