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
from chaos.model.errors import ChaosError
from chaos.model.events import Injecting, RunEnded

if TYPE_CHECKING:
    from chaos.engine.reopen import Reopened

LOOK_EVERY_SECONDS = 0.5
GIVE_UP_SECONDS = 3600.0


def main(journal: Path, announce: int) -> int:
    """Exit code 0 when nothing is left broken, else 6."""
    ignore_signals()
    from chaos.engine.reopen import reopen

    reopened = reopen(journal, by="lease holder")
    os.write(announce, b"l")
    os.close(announce)
    return hold(reopened, journal)


def hold(reopened: Reopened, journal: Path) -> int:
    """Look at the journal whenever it has grown, and revert what has run out."""
    clock = reopened.tools.clock
    seen_size, pending, ended = -1, (), False
    last_growth = clock.now()
    while True:
        size = journal.stat().st_size
        if size != seen_size:
            seen_size, last_growth = size, clock.now()
            pending = reopened.open_injections()
            ended = any(isinstance(event, RunEnded) for event in reopened.events())
        if ended and not pending:
            return 0
        expired = [item for item in pending if item.undo.lease.expires_at <= clock.now()]
        if expired:
            reopened.reverter.revert_all(expired)
        elif not pending and clock.now() - last_growth > GIVE_UP_SECONDS:
            return 0  # a journal that nobody has written to for an hour, with nothing open in it
        clock.sleep(_until_next(pending, clock.now()))


def _until_next(pending: tuple[Injecting, ...], now: float) -> float:
    first = min((item.undo.lease.expires_at for item in pending), default=now + LOOK_EVERY_SECONDS)
    return min(LOOK_EVERY_SECONDS, max(0.01, first - now))


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
    except ChaosError as error:
        sys.exit(str(error))
