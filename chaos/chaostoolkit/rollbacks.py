"""The rollbacks as the revert of the method: who calls them, and what is known when they have come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chaos.chaostoolkit.calls import Caller, Result
from chaos.chaostoolkit.redact import Redactor
from chaos.chaostoolkit.values import Values
from chaos.judge.wording import counted
from chaos.model.chaostoolkit import Activity, ToolkitExperiment
from chaos.model.clock import Clock
from chaos.model.errors import ChaosError
from chaos.model.events import Event, Injecting, Recorder, Reverted, RevertFailed, Reverting
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, Lease, Undo

INJECTION = "1.1"

PATIENCE_SECONDS = 600.0
"""The timeout of a rollback without one: no signal ends it, so something must."""


def rollback_caller(values: Values, redactor: Redactor) -> Caller:
    """One whose calls nothing but their timeouts end."""
    return Caller(values, redactor, lambda: False, PATIENCE_SECONDS)


def injection_of(experiment: ToolkitExperiment, run: str) -> Callable[[float], Injecting]:
    """The line that announces the method, for a time. What undoes it stands in the experiment's file."""
    lease = Lease(run, INJECTION, 0.0)
    names = [activity.name for activity in experiment.rollbacks]
    undo = Undo(experiment.title, lease, {"file": experiment.source, "rollbacks": [*names]})
    fault = PluginUse(kind="method")
    return lambda at: Injecting(at=at, injection=INJECTION, step="method", fault=fault, undo=undo)


def roll_back(
    rollbacks: tuple[Activity, ...],
    carry_out: Callable[[Activity], tuple[dict[str, Any], Result]],
    recorder: Recorder,
    clock: Clock,
    which: tuple[str, str],
) -> list[dict[str, Any]]:
    """Call every rollback, whatever came of the one before. `which` is the injection, "" for none, and who does it.

    Writes to the journal whether all came back without an error; whether the system is whole again is more than
    anybody can tell here.
    """
    injection, by = which
    if injection:
        _record(recorder, Reverting(at=clock.now(), injection=injection, by=by))
    runs = [carry_out(activity)[0] for activity in rollbacks]
    failed = [f"{run['activity']['name']}: {run['honest_failure']}" for run in runs if run["honest_failure"]]
    if injection and failed:
        message = f"rollback {'; '.join(failed)}"
        failure = RevertFailed(at=clock.now(), injection=injection, by=by, message=message, active=Active.UNKNOWN)
        _record(recorder, failure)
    elif injection:
        evidence = (
            f"{counted(len(runs), 'rollback')} came back"
            if runs
            else "the file asks for no rollbacks without a deviation"
        )
        _record(recorder, Reverted(at=clock.now(), injection=injection, by=by, evidence=evidence))
    return runs


def _record(recorder: Recorder, event: Event) -> None:
    """A full disk must not keep anything from being rolled back."""
    try:
        recorder.record(event)
    except ChaosError:
        pass  # the method then stays open in the journal, and rolling it back again is what its reader will do
