"""aws/fis: an experiment template of AWS's own Fault Injection Service, as one fault."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.fis import CanRunTemplates, TemplateRun
from chaos.model.system import Target


class Fis(Struct, frozen=True, kw_only=True):
    """Starts a FIS template that is named in the environment file, watches it, and stops it when the fault ends.

    It costs money, so it must be allowed. What the template breaks only FIS knows: seen as active while FIS says that
    one of its actions runs, as passed when one has run and all are over, as over when it was stopped. An action that
    found no target has struck nothing. A detached process ends the lease, and FIS each action after its own duration.
    """

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanRunTemplates
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanRunTemplates, target: Target, lease: Lease) -> Undo:
        actions = environment.template_actions(target.name)
        if not actions:
            raise ActionFailed(f"{target.name} is no FIS template with actions", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"actions": list(actions)})

    def inject(self, environment: CanRunTemplates, undo: Undo) -> None:
        environment.start_template(undo.target, undo.lease.holder, undo.lease.expires_at)

    def revert(self, environment: CanRunTemplates, undo: Undo) -> None:
        environment.stop_template(undo.target, undo.lease.holder)

    def active(self, environment: CanRunTemplates, undo: Undo) -> Observation:
        found = environment.template_run(undo.target, undo.lease.holder)
        if found is None:
            return Observation(Active.NO, f"no experiment of {undo.target} was started by this fault")
        actions = ", ".join(f"{name} {state}" for name, state in sorted(found.actions.items()))
        return Observation(_state(found), f"{found.id} is {found.state} ({found.reason}): {actions}")


def _state(found: TemplateRun) -> Active:
    """AWS's docs on states: https://docs.aws.amazon.com/fis/latest/userguide/view-experiment-progress.html"""
    if found.state == "completed":
        return Active.PASSED if "completed" in found.actions.values() else Active.NO
    if found.state in ("stopped", "failed", "cancelled"):
        return Active.NO
    return Active.YES if found.state == "running" and "running" in found.actions.values() else Active.UNKNOWN
