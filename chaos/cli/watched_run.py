"""Brings journal, environment and terminal together for `chaos watch`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from chaos.engine.run_process import has_process, terminate_process
from chaos.journal.read import Follow
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ChaosError, ExitCode
from chaos.model.events import RunStarted
from chaos.model.system import Inventory
from chaos.ui.lines import plain
from chaos.ui.screen import Screen, is_terminal
from chaos.ui.state import State
from chaos.ui.watch import Inventories, Live, Replay, Watching

_IN_A_PIPE = (80, 60)


def watch_run(journal: Path, replay: float | None) -> ExitCode:
    """Show the run until somebody leaves; print its answer afterwards."""
    follow = Follow(journal)
    events = follow.poll()
    if replay is not None and is_terminal():
        watching = Watching(Replay(events, replay))
    else:
        watching = Watching(Live(follow), _Process())
        watching.state.take(events)
    story = watching.state.story
    if story is not None and not watching.state.ended and replay is None:
        watching.inventories = Inventories(_Asker(story.started.plan.environment))
    _show(watching)
    _say_answer(watching.state)
    left = not watching.state.ended or any(item.open for item in watching.state.injections)
    return ExitCode.STILL_BROKEN if watching.aborted and left else ExitCode.HELD


def _show(watching: Watching) -> None:
    inventories = watching.inventories
    if not is_terminal():
        if inventories is not None:
            inventories.last = inventories.ask()
        print("\n".join(plain(each) for each in watching.picture(*_IN_A_PIPE)))
        return
    if inventories is not None:
        inventories.start()
    try:
        with Screen(sys.stdin.fileno(), sys.stdout.fileno()) as screen:
            watching.show_on(screen)
    except KeyboardInterrupt:
        pass  # leaves the view as q does; the run goes on
    finally:
        if inventories is not None:
            inventories.stop()


def _say_answer(state: State) -> None:
    if state.story is not None and state.verdict is not None and is_terminal():
        print(f"{state.story.started.run}: {state.verdict.sentence}")


class _Process:
    """The process that executes the run."""

    def is_alive(self, started: RunStarted) -> bool:
        return has_process(started)

    def abort(self, started: RunStarted) -> None:
        terminate_process(started, timeout_seconds=0.0)


@dataclass
class _Asker:
    """Opens the environment as the plan names it; one that is out of reach is a map without instances."""

    ref: EnvironmentRef

    def __call__(self) -> Inventory | None:
        from chaos.catalog import Catalog

        try:
            return Catalog().open_environment(self.ref).inventory()
        except ChaosError:
            return None
