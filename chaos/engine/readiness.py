"""What an environment needs at its targets is put there before the first injection, so that no run stops halfway."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.engine.toolbox import Toolbox
from chaos.model.environment import CanMakeReady, part_of, parts_of
from chaos.model.errors import ChaosError, Refused
from chaos.model.plan import PlannedFault


class Readiness:
    """Made ready on a worker, while the loop goes on looking at the guardrails."""

    def __init__(self, tools: Toolbox, faults: Sequence[PlannedFault]) -> None:
        self._tools = tools
        self._faults = faults
        self._failure: Exception | None = None
        self._done = False

    def begin(self) -> None:
        if any(isinstance(part, CanMakeReady) for part in parts_of(self._tools.environment)):
            self._tools.workers.submit(self._work)
        else:
            self._done = True

    @property
    def done(self) -> bool:
        """Raises Refused when it cannot be done."""
        if isinstance(self._failure, ChaosError):
            raise Refused(self._failure.message, self._failure.hint) from self._failure
        if self._failure is not None:
            raise self._failure
        return self._done

    def _work(self) -> None:
        try:
            for fault in self._faults:
                place = part_of(self._tools.environment, fault.environment)
                if isinstance(place, CanMakeReady):
                    place.make_ready(self._tools.plugins.build_fault(fault.fault).needs, fault.targets)
        except Exception as error:  # noqa: BLE001  raised again by the loop, which is not in this thread
            self._failure = error
        self._done = True
