"""Taking over a run from its journal: for the guardian, the lease holder and `chaos rollback`.

This is where a process that is not the run itself gets its environment and its plug-ins from.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaos.catalog import Catalog
from chaos.engine.clock import SystemClock, ThreadWorkers
from chaos.engine.rollback import Reverter
from chaos.engine.toolbox import Toolbox
from chaos.journal.read import read, read_open_injections, stream
from chaos.journal.write import JournalWriter
from chaos.model.environment import CanReserve, EnvironmentRef, parts_of
from chaos.model.errors import BadInput, ChaosError
from chaos.model.events import Event, Injecting, RunStarted

SECOND_LOOK_SECONDS = 0.25


@dataclass
class Reopened:
    """A journal opened by another process than its run's."""

    path: Path
    run: str
    tools: Toolbox
    reverter: Reverter

    def open_injections(self) -> tuple[Injecting, ...]:
        return read_open_injections(self.path)

    def revert_all(self) -> list[Injecting]:
        """Revert all that is open and look a second time. Returns what is still broken.

        The second look is for a command of the dead run that was still on its way: the system may
        carry it out after our revert.
        """
        found = self.open_injections()
        broken = self.reverter.revert_all(found)
        if found:
            self.tools.clock.sleep(SECOND_LOOK_SECONDS)
            back = [item for item in found if item not in broken and self.reverter.still_active(item)]
            self.reverter.closed.difference_update(item.injection for item in back)
            broken += self.reverter.revert_all(back)
        return broken

    def free(self) -> None:
        """Nothing is left: let the next run in, wherever it comes from. Otherwise it has to wait for half a minute."""
        for part in parts_of(self.tools.environment):
            if isinstance(part, CanReserve):
                with suppress(ChaosError):
                    part.free(self.run)

    def events(self) -> tuple[Event, ...]:
        return read(self.path)


Changing = Callable[[EnvironmentRef], EnvironmentRef]


def reopen(path: Path, by: str, changed: Changing = lambda ref: ref) -> Reopened:
    """Open a journal to revert what it has open, on the environment it names, or what `changed` makes of that.

    Raises ChaosError when it holds no run.
    """
    started = next((event for event in stream(path) if isinstance(event, RunStarted)), None)
    if started is None:
        raise BadInput(f"{path} holds no run: its first line is missing or torn", "nothing was injected by it")
    catalog = Catalog()
    environment = catalog.open_environment(changed(started.plan.environment))
    tools = Toolbox(environment, catalog, JournalWriter(path), SystemClock(), ThreadWorkers())
    return Reopened(path, started.run, tools, Reverter(tools, by=by))
