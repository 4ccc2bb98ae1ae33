"""What the original would have answered: for pipelines that must not notice the change (--strict-chaostoolkit)."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from typing import Any

from chaos.chaostoolkit.hypothesis import Look, journal_state


@dataclass
class Account:
    """What happened, as the original counts it."""

    before: list[Look] | None = None
    during: list[Look] = field(default_factory=list)
    after: list[Look] | None = None
    run: list[dict[str, Any]] = field(default_factory=list)
    rollbacks: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False
    """Cut short by a signal or a control."""

    @property
    def deviated(self) -> bool:
        """Off at any look after the method began."""
        return any(look.trouble for look in [*self.during, *(self.after or [])])

    @property
    def exit_code(self) -> int:
        """1 iff its status is not "completed", or it says "deviated": what was looked at before the method, and what
        failed in it, does not count."""
        return int(self.status != "completed" or self.their_deviated)

    @property
    def status(self) -> str:
        if self.ended:
            return "interrupted"
        raised = [look for look in [*(self.before or []), *(self.after or [])] if look.result.failed]
        return "failed" if raised else "completed"

    @property
    def their_deviated(self) -> bool:
        return any(look.trouble for look in self.after or [])

    def journal(self, raw: dict[str, Any]) -> dict[str, Any]:
        """The run as the original writes it down, for controls that read it."""
        return {
            "chaoslib-version": "",
            "platform": platform.platform(),
            "node": platform.node(),
            "experiment": raw,
            "status": self.status,
            "deviated": self.their_deviated,
            "steady_states": {
                "before": None if self.before is None else journal_state(self.before),
                "after": None if self.after is None else journal_state(self.after),
                "during": [journal_state([look]) for look in self.during],
            },
            "run": self.run,
            "rollbacks": self.rollbacks,
        }
