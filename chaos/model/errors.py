"""What can go wrong, what the user is told, and with which exit code the command ends."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Literal


class ExitCode(IntEnum):
    """How a command ends. Only HELD is 0: nothing else is ever green."""

    HELD = 0
    DEVIATED = 1
    BAD_INPUT = 2
    INCONCLUSIVE = 3
    REFUSED = 4
    ABORTED = 5
    STILL_BROKEN = 6
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


_WORST_FIRST = (
    ExitCode.STILL_BROKEN,
    ExitCode.BUG,
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
    ExitCode.DEVIATED,
    ExitCode.ABORTED,
    ExitCode.INCONCLUSIVE,
    ExitCode.REFUSED,
    ExitCode.BAD_INPUT,
    ExitCode.HELD,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of a suite: that of its worst run; of no run at all, BAD_INPUT."""
    seen = set(codes)
    return next((code for code in _WORST_FIRST if code in seen), ExitCode.BAD_INPUT)


class ChaosError(Exception):
    """Something the user can act on: what happened to what, and a hint what to do."""

    exit_code = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class BadInput(ChaosError):
    """A file, an option or a name that cannot be used as it is."""

    exit_code = ExitCode.BAD_INPUT


class Refused(ChaosError):
    """The run was not started; nothing was injected."""

    exit_code = ExitCode.REFUSED


class SystemDown(Refused):
    """The system under test does not run at all: nothing can be injected, and nothing of it can be left broken."""


class ActionFailed(ChaosError):
    """A change to the system under test failed.

    `took_effect` says what is known about it: "no" (certainly nothing was changed) or "unknown"
    (it may have been, so it must be reverted).
    """

    exit_code = ExitCode.INCONCLUSIVE

    def __init__(self, message: str, hint: str = "", took_effect: Literal["no", "unknown"] = "unknown") -> None:
        super().__init__(message, hint)
        self.took_effect: Literal["no", "unknown"] = took_effect
