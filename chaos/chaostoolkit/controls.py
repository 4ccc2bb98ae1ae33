"""The user's own code around the experiment and its parts. It runs in this process, because it keeps state between its
calls; what it prints has its secrets hidden.

A control that raises is not hidden: before the first act it refuses the run, later it leaves the run without an answer.
One that raises InterruptExecution ends the run, as a guardrail does.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from chaos.chaostoolkit.values import Values
from chaos.model.chaostoolkit import Control, ToolkitExperiment
from chaos.model.errors import Refused

Level = Literal["experiment", "hypothesis", "method", "rollback", "activity"]


class Interrupt(Exception):
    """A control or an activity (`who`) wants the run to end."""

    def __init__(self, who: str, reason: str) -> None:
        super().__init__(reason)
        self.who = who
        self.reason = reason


class Controls:
    """`failed` is told of a control that raised: its name, and the error."""

    def __init__(self, experiment: ToolkitExperiment, values: Values, failed: Callable[[str, Exception], None]) -> None:
        self._experiment = experiment
        self._values = values
        self._failed = failed
        self._raw = copy.deepcopy(experiment.raw)
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())  # where the original finds the user's modules

    def configure(self) -> None:
        """Call configure_control of each once. Raises Refused when one cannot be had."""
        for control in self._every():
            try:
                function = self._function(control, "configure_control")
                if function is not None:
                    self._call(function, dict(control.provider.arguments), self._offered())
            except Exception as error:
                message = f"control {control.name!r} could not be set up: {type(error).__name__}: {error}"
                raise Refused(message, "without it the experiment would not be what its file says") from error

    def cleanup(self) -> None:
        for control in self._every():
            self._guarded(control, "cleanup_control", {})

    @contextmanager
    def around(self, level: Level, context: Any, own: Sequence[Control] = ()) -> Iterator[dict[str, Any]]:
        """Calls before_LEVEL_control and after_LEVEL_control; the latter is told what the block puts under "state"."""
        told: dict[str, Any] = {"state": None}
        self._apply(f"before_{level}_control", context, own, None)
        try:
            yield told
        finally:
            self._apply(f"after_{level}_control", context, own, told["state"])

    def _apply(self, name: str, context: Any, own: Sequence[Control], state: Any) -> None:
        for control in self._concerned(own):
            if name.startswith(control.scope):
                self._guarded(control, name, {"context": context, "state": state})

    def _concerned(self, own: Sequence[Control]) -> list[Control]:
        """The experiment's own, unless they want to be named, then those of the part; each once."""
        named = {control.name for control in own}
        general = [each for each in self._experiment.controls if each.automatic and each.name not in named]
        return [*general, *own]

    def _guarded(self, control: Control, name: str, more: dict[str, Any]) -> None:
        try:
            function = self._function(control, name)
            if function is not None:
                arguments = self._values.filled(copy.deepcopy(control.provider.arguments))
                self._call(function, arguments, {**self._offered(), **more})
        except Exception as error:
            if any(kind.__name__ == "InterruptExecution" for kind in type(error).__mro__):
                raise Interrupt(f"control {control.name}", str(error) or "it asked the run to end") from error
            self._failed(f"{control.name}: {name}", error)

    def _function(self, control: Control, name: str) -> Callable[..., Any] | None:
        return getattr(importlib.import_module(control.provider.module), name, None)

    def _call(self, function: Callable[..., Any], arguments: dict[str, Any], offered: dict[str, Any]) -> None:
        """With what the function has parameters for: not each function of a control takes what its provider has."""
        parameters = inspect.signature(function).parameters
        takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        given = {name: value for name, value in arguments.items() if takes_all or name in parameters}
        function(
            **given, **{name: value for name, value in offered.items() if name in parameters and name not in given}
        )

    def _offered(self) -> dict[str, Any]:
        return {
            "experiment": self._raw,
            "configuration": self._values.configuration,
            "secrets": self._values.secrets,
            "settings": {},
            "extensions": self._raw.get("extensions"),
            "event_registry": None,
        }

    def _every(self) -> list[Control]:
        experiment = self._experiment
        activities = (*experiment.hypothesis.probes, *experiment.method, *experiment.rollbacks)
        every = [*experiment.controls, *experiment.hypothesis.controls, *(c for a in activities for c in a.controls)]
        return list({control.name: control for control in reversed(every)}.values())[::-1]
