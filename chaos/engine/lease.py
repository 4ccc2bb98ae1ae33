"""The detached lease holder: ends injections whose effect cannot carry a timer (a stopped process has none).

A process of its own that outlives the run and its guardian. It reads the journal, reverts what is
open past its lease, and ends when the run has ended and nothing is open.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.engine.guardian import ignore_signals
from chaos.engine.run_process import has_process
from chaos.journal.read import Follow, open_injections
from chaos.model.errors import ChaosError
from chaos.model.events import Event, Injecting, NotInjected, Reverted, RevertFailed, RunEnded, RunStarted

if TYPE_CHECKING:
    from chaos.engine.reopen import Reopened

LOOK_EVERY_SECONDS = 0.25
_CONCERNING = (RunStarted, Injecting, NotInjected, Reverted, RevertFailed, RunEnded)


def main(journal: Path, announce: int) -> int:
    """Exit code 0 when nothing is left broken, else 6."""
    ignore_signals()
    from chaos.engine.reopen import reopen

    reopened = reopen(journal, by="lease holder")
    os.write(announce, b"l")
    os.close(announce)
    return hold(reopened, journal)


def hold(reopened: Reopened, journal: Path) -> int:
    """Follow the journal; revert what is open past its lease; end when the run is over and nothing is open."""
    clock, follow = reopened.tools.clock, Follow(journal)
    concerning: list[Event] = []
    while True:
        concerning += [event for event in follow.poll() if isinstance(event, _CONCERNING)]
        pending = open_injections(concerning)
        if not pending and _is_over(concerning):
            reopened.free()
            return 0
        expired = [item for item in pending if item.undo.lease.expires_at <= clock.now()]
        reopened.reverter.revert_all(expired)
        clock.sleep(_until_next(pending, clock.now()))


def _is_over(events: list[Event]) -> bool:
    """The run has ended, or its process has: nothing new can be injected."""
    if any(isinstance(event, RunEnded) for event in events):
        return True
    return not any(isinstance(event, RunStarted) and has_process(event) for event in events)


def _until_next(pending: tuple[Injecting, ...], now: float) -> float:
    """To the first expiry, but no longer than LOOK_EVERY_SECONDS. One that would not be reverted is tried each look."""
    first = min((item.undo.lease.expires_at for item in pending), default=now + LOOK_EVERY_SECONDS)
    return min(LOOK_EVERY_SECONDS, max(0.1, first - now))


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
    except ChaosError as error:
        sys.exit(str(error))
