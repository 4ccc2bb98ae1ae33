"""What the launcher cannot do, told to the person who asked."""

from __future__ import annotations

from typing import Literal

Kind = Literal["bad input", "refused", "failed"]

EXIT_CODES: dict[Kind, int] = {"bad input": 2, "refused": 4, "failed": 3}


class LauncherError(Exception):
    """A sentence that says what happened to what, and a hint what to do.

    "bad input": a file or option is wrong. "refused": nothing was started or changed. "failed": something was
    started or changed and did not come out as asked.
    """

    def __init__(self, message: str, hint: str = "", kind: Kind = "refused") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.kind: Kind = kind


class StartFailed(Exception):
    """A process could not be started this time; its keeper backs off and tries again."""
