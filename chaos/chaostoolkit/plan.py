"""What a run of a Chaos Toolkit experiment would do, and what of it cannot be called here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from os.path import expanduser
from pathlib import Path
from typing import Any

from chaos.chaostoolkit.calls import Child
from chaos.chaostoolkit.hypothesis import objectives
from chaos.chaostoolkit.run import looks_during
from chaos.chaostoolkit.values import unset
from chaos.model.chaostoolkit import Activity, HttpCall, ProcessCall, Provider, PythonCall, ToolkitExperiment
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import BadInput
from chaos.model.experiment import Experiment
from chaos.model.plan import Plan, PlannedActivity
from chaos.spec import suggest

KIND = "chaostoolkit"
_PATIENCE_SECONDS = 60.0


def plan_of(experiment: ToolkitExperiment, overrides: Mapping[str, str]) -> Plan:
    """The plan, with nothing filled in: it holds no secret that the file does not."""
    shown = Experiment(
        name=experiment.title,
        hypothesis=experiment.hypothesis.title or experiment.description,
        objectives=objectives(experiment.hypothesis.probes),
        method=(),
        description=experiment.description,
        recovery_seconds=0.0,
        source=experiment.source,
    )
    return Plan(
        experiment=shown,
        environment=EnvironmentRef(kind=KIND, name=KIND, settings={"variables": dict(overrides)}),
        seed=0,
        steps=tuple(_planned(activity) for activity in experiment.method),
        seconds=sum(_seconds(activity) for activity in experiment.method),
        notes=tuple(_notes(experiment)),
        repeat="",
    )


def check_callable(experiment: ToolkitExperiment) -> None:
    """Every module can be imported, every function takes its arguments, every command is there. Calls nothing.

    Raises BadInput with all that is not so.
    """
    named = list(_providers(experiment))
    trouble = [
        f"{where}: there is no command {provider.path}"
        for where, provider in named
        if isinstance(provider, ProcessCall) and shutil.which(expanduser(provider.path)) is None
    ]
    calls = [(where, provider) for where, provider in named if isinstance(provider, PythonCall)]
    trouble += _python_trouble(calls) if calls else []
    if trouble:
        header = f"{experiment.source}: {len(trouble)} things cannot be called here"
        hint = "activities are called by the Python that runs this command, or by the one in CHAOSTOOLKIT_PYTHON"
        raise BadInput("\n".join([header, *trouble]), hint)


def _python_trouble(calls: list[tuple[str, PythonCall]]) -> list[str]:
    child = Child()
    told = [{"module": call.module, "func": call.func, "arguments": call.arguments} for _, call in calls]
    try:
        answer = child.ask({"type": "check", "calls": told}, _PATIENCE_SECONDS, lambda: False)
    finally:
        child.close()
    if "error" in answer:
        return [f"the modules cannot be looked at: {answer['error']}"]
    return [_sentence(calls[index], what, said, names) for index, what, said, names in answer["output"]]


def _sentence(called: tuple[str, PythonCall], what: str, said: str, names: list[str]) -> str:
    where, call = called
    if what == "module":
        return f"{where}: the module {call.module} {said}"
    if what == "func":
        near = suggest.closest(call.func, names)
        meant = f', did you mean "{near}"?' if near else f"; it has: {', '.join(names[:12])}"
        return f"{where}: {call.module} has no function {call.func}{meant}"
    return f"{where}: {call.module}.{call.func}: {said}; it takes: {', '.join(names) or 'nothing'}"


def _providers(experiment: ToolkitExperiment) -> Iterator[tuple[str, Provider]]:
    lists = {"hypothesis": experiment.hypothesis.probes, "method": experiment.method, "rollbacks": experiment.rollbacks}
    controls = [*experiment.controls, *experiment.hypothesis.controls]
    for place, activities in lists.items():
        for activity in activities:
            yield f"{place}: {activity.name}", activity.provider
            controls += activity.controls
            if isinstance(activity.tolerance, dict) and activity.tolerance.get("type") == "probe":
                judging = Activity.of({"name": "t", "provider": _with_value(activity.tolerance["provider"])})
                yield f"{place}: tolerance of {activity.name}", judging.provider
    for control in controls:
        yield f"control: {control.name}", control.provider


def _with_value(provider: dict[str, Any]) -> dict[str, Any]:
    if provider.get("type") != "python":
        return provider
    return {**provider, "arguments": {**(provider.get("arguments") or {}), "value": None}}


def _planned(activity: Activity) -> PlannedActivity:
    timeout = activity.timeout if activity.timeout is not None else activity.provider.timeout
    pauses = {"before": activity.pauses.before, "after": activity.pauses.after}
    return PlannedActivity(
        name=activity.name,
        does=activity.type,
        call=_call(activity.provider),
        background=activity.background,
        timeout="no timeout" if timeout is None else f"timeout {timeout} s",
        pauses=", ".join(f"pause {when} {each} s" for when, each in pauses.items() if each),
    )


def _call(provider: Provider) -> str:
    if isinstance(provider, PythonCall):
        given = ", ".join(f"{name}={value!r}" for name, value in provider.arguments.items())
        return f"{provider.module}.{provider.func}({given})"
    if isinstance(provider, ProcessCall):
        words = provider.arguments if isinstance(provider.arguments, list) else [provider.arguments or ""]
        return " ".join([Path(provider.path).name, *map(str, words)]).strip()
    assert isinstance(provider, HttpCall)
    return f"{provider.method} {provider.url}"


def _seconds(activity: Activity) -> float:
    """Its pauses are all that is known of how long it takes."""
    given = (activity.pauses.before, activity.pauses.after)
    return sum(float(each) for each in given if isinstance(each, int | float))


def _notes(experiment: ToolkitExperiment) -> Iterator[str]:
    if not experiment.rollbacks:
        yield "no rollbacks: whatever the actions change stays, also when the run is ended"
    elif experiment.rollback_strategy == "never":
        yield "its file asks for no rollbacks"
    else:
        names = ", ".join(activity.name for activity in experiment.rollbacks)
        yield f"rollbacks, whatever happens, also when the run is killed: {names}"
    if not experiment.hypothesis.probes:
        yield "no steady state is looked at, so the run can only end without an answer (exit code 3)"
    elif looks_during(experiment.hypothesis_strategy):
        yield "the steady state is looked at before, every second while the method runs, and after"
    yield from (f"the environment variable {key} is not set here" for key in unset(experiment))
    yield from experiment.notes
