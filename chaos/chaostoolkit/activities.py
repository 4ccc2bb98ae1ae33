"""Carrying out an activity of the method or of the rollbacks: its controls, its pauses, its lines in the journal."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from chaos.chaostoolkit.calls import Caller, Result
from chaos.chaostoolkit.controls import Controls
from chaos.model.chaostoolkit import Activity
from chaos.model.clock import Clock
from chaos.model.events import Recorder, StepBegan, StepEnded

_LONGEST_OUTPUT = 4000
_ERROR_STATUS = 400


class Activities:
    """Without `controls` (where another process rolls back) there is nothing around an activity."""

    def __init__(
        self, controls: Controls | None, recorder: Recorder, clock: Clock, sleep: Callable[[float], None]
    ) -> None:
        self._controls = controls
        self._recorder = recorder
        self._clock = clock
        self._sleep = sleep

    def carry_out(
        self, activity: Activity, caller: Caller, sleep: Callable[[float], None] | None = None
    ) -> tuple[dict[str, Any], Result]:
        """The activity as the original's journal has it, and what came of the call."""
        if self._controls is None:
            return self._called(activity, caller, sleep or self._sleep)
        raw = copy.deepcopy(activity.raw)  # controls may change what is called
        with self._controls.around("activity", raw, activity.controls) as told:
            told["state"], result = self._called(_again(raw, activity), caller, sleep or self._sleep)
        return told["state"], result

    def _called(
        self, activity: Activity, caller: Caller, sleep: Callable[[float], None]
    ) -> tuple[dict[str, Any], Result]:
        self._recorder.record(StepBegan(at=self._clock.now(), step=activity.name))
        began = self._clock.now()
        sleep(_pause(caller, activity.pauses.before))
        result = Result() if activity.dry else caller.call(activity)
        ended = self._clock.now()
        failure = _failure(activity, result)
        output = caller.redactor.text(json.dumps(result.output, default=str))[:_LONGEST_OUTPUT]
        self._recorder.record(
            StepEnded(
                at=ended, step=activity.name, failure=caller.redactor.text(failure), output="" if failure else output
            )
        )
        sleep(_pause(caller, activity.pauses.after))
        run = {
            "activity": activity.raw,
            "output": result.output,
            "status": "failed" if result.failed else "succeeded",
            "honest_failure": failure,
            "start": _moment(began),
            "end": _moment(ended),
            "duration": ended - began,
        }
        return (run | {"exception": result.trace.splitlines(keepends=True)} if result.failed else run), result


def _failure(activity: Activity, result: Result) -> str:
    """Why the activity did not do what it says, "" when it did. What the original only warns of is a failure here: a
    command that ended with an error has most likely broken nothing, so nothing was tried."""
    if result.failed:
        return result.error
    if activity.type != "action":
        return ""
    if activity.dry:
        return "it was not carried out: the file says `dry`"
    status = result.output.get("status") if isinstance(result.output, dict) else None
    kind = activity.provider.__struct_config__.tag
    if kind == "process" and status != 0:
        said = str(result.output.get("stderr") or "").strip()[-500:]
        return f"the command ended with status {status}" + (f": {said}" if said else "")
    if kind == "http" and isinstance(status, int) and status >= _ERROR_STATUS:
        return f"the request was answered with status {status}"
    return ""


def _again(raw: dict[str, Any], activity: Activity) -> Activity:
    """As a control has left it; what it has spoilt is not taken from it."""
    try:
        return Activity.of(raw)
    except msgspec.ValidationError:
        return activity


def _pause(caller: Caller, given: Any) -> float:
    try:
        return max(0.0, float(caller.values.filled(given) or 0.0))
    except (TypeError, ValueError):
        return 0.0


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
