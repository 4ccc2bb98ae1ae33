"""Controls as people write them: one that keeps a log, one that watches over the run, one that is broken."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

_LOG: list[str] = []


class InterruptExecution(Exception):
    """By its name what chaoslib.exceptions has."""


def configure_control(configuration: dict[str, Any], secrets: dict[str, Any], experiment: dict[str, Any]) -> None:
    if configuration.get("break_at") == "configure":
        raise ValueError("no connection")
    _LOG.append(f"configure {experiment['title']} {sorted(secrets)}")


def cleanup_control() -> None:
    _LOG.append("cleanup")


def before_experiment_control(context: dict[str, Any], log: str, configuration: dict[str, Any]) -> None:
    _tell(log, "before experiment", configuration)


def after_experiment_control(context: dict[str, Any], state: dict[str, Any], log: str) -> None:
    _tell(log, f"after experiment {state['status']} {state['deviated']} {len(state['run'])} {len(state['rollbacks'])}")


def before_hypothesis_control(context: dict[str, Any], log: str) -> None:
    _tell(log, "before hypothesis")


def after_hypothesis_control(context: dict[str, Any], state: dict[str, Any], log: str) -> None:
    _tell(log, f"after hypothesis {state['steady_state_met']}")


def before_method_control(context: dict[str, Any], log: str, configuration: dict[str, Any]) -> None:
    _tell(log, "before method", configuration)


def after_method_control(context: dict[str, Any], state: list[dict[str, Any]], log: str) -> None:
    _tell(log, f"after method {[run['activity']['name'] for run in state]}")


def before_rollback_control(context: dict[str, Any], log: str) -> None:
    _tell(log, "before rollback")


def before_activity_control(context: dict[str, Any], log: str, configuration: dict[str, Any]) -> None:
    _tell(log, f"before activity {context['name']}", configuration)


def after_activity_control(context: dict[str, Any], state: dict[str, Any], log: str) -> None:
    _tell(log, f"after activity {context['name']} {state.get('status', '')}")


def _tell(log: str, text: str, configuration: dict[str, Any] | None = None) -> None:
    with Path(log).open("a") as file:
        file.writelines(f"{line}\n" for line in [*_LOG, text])
    _LOG.clear()
    wanted = (configuration or {}).get("break_at", "")
    if wanted and text.startswith(wanted):
        if (configuration or {}).get("interrupt") == "by signal":
            os.kill(os.getpid(), signal.SIGUSR1)
            return
        if (configuration or {}).get("interrupt"):
            raise InterruptExecution("enough of that")
        raise ValueError("the control itself is broken")
