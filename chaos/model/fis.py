"""What AWS's Fault Injection Service (FIS) can do for us: run a template of somebody's as one fault of ours."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from chaos.model.plan import Plan

TemplateState = Literal["pending", "initiating", "running", "completed", "stopping", "stopped", "failed", "cancelled"]


class TemplateRun(Struct, frozen=True):
    """An experiment of FIS: its state with AWS's reason for it, and the state of each action by its name."""

    id: str
    state: str
    reason: str
    actions: dict[str, str]


@runtime_checkable
class CanRunTemplates(Protocol):
    """Start a template of FIS once for each holder, look at what became of it, and stop it."""

    def start_template(self, template: str, holder: str, until: float) -> None: ...

    def stop_template(self, template: str, holder: str) -> None: ...

    def template_run(self, template: str, holder: str) -> TemplateRun | None:
        """None when this holder has started none, or FIS no longer knows of it."""
        ...

    def template_actions(self, template: str) -> tuple[str, ...]:
        """The names of its actions; empty when there is no such template."""
        ...


@runtime_checkable
class CanExportTemplates(Protocol):
    """Say a plan in FIS's words."""

    def as_template(self, plan: Plan, role_arn: str, alarms: tuple[str, ...]) -> str:
        """What CreateExperimentTemplate takes, as JSON. Raises BadInput for a plan that FIS cannot carry out."""
        ...
