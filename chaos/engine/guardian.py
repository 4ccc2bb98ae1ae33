"""A process that reverts everything when the run's process dies, however it dies.

It holds the reading end of a pipe whose writing end only the run has: the kernel closes that when
the run ends, also after kill -9. Everything it needs is imported before it says that it is ready.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos.model.errors import ChaosError, Refused
from chaos.model.events import Crashed, Judged, RunEnded

_READY_PATIENCE_SECONDS = 20.0
_LEAVE_SECONDS = 5.0


@dataclass
class Guardian:
    """The run's side: starts the guardian, and the detached lease holder where the plan needs one."""

    journal: Path
    lock_descriptors: tuple[int, ...]
    _pipe: int = -1
    _ready: int = -1
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, detached_lease_holder: bool) -> None:
        """Start without waiting: it comes up while the load warms up."""
        watched, self._pipe = os.pipe()
        self._ready, announce = os.pipe()
        inherited = (watched, announce, *self.lock_descriptors)
        arguments = [str(self.journal), str(watched), str(announce)]
        self._spawn("chaos.engine.guardian", arguments, inherited)
        os.close(watched)
        if detached_lease_holder:
            self._spawn("chaos.engine.lease", [str(self.journal), str(announce)], (announce,))
        os.close(announce)

    def wait_ready(self) -> None:
        """Wait until everyone started has said so. Raises Refused: without a guardian nothing is injected."""
        waiting = len(self._children)
        while waiting:
            ready, _, _ = select.select([self._ready], [], [], _READY_PATIENCE_SECONDS)
            said = os.read(self._ready, waiting) if ready else b""
            if not said:
                raise Refused(
                    "the guardian that would revert everything if this process died did not start",
                    f"see {self.journal.parent / 'guardian.log'}",
                )
            waiting -= len(said)

    def _spawn(self, module: str, arguments: list[str], inherited: tuple[int, ...]) -> None:
        with (self.journal.parent / "guardian.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
                start_new_session=True,
            )
        self._children.append(child)

    def dismiss(self) -> None:
        """The run is over: let the guardian see that and end. The lease holder ends by the journal.

        It is not waited for when something is left: it goes on as long as that takes, and the run has its answer.
        """
        if self._pipe >= 0:
            os.close(self._pipe)
            os.close(self._ready)
            self._pipe = -1
        for child in self._children[:1]:
            child.wait()
        for child in self._children[1:]:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_LEAVE_SECONDS)


def main(journal: Path, watched: int, announce: int) -> int:
    """The guardian's side. Exit code 0 when nothing is left broken, else 6."""
    ignore_signals()
    from chaos.engine.reopen import reopen
    from chaos.judge.verdict import judge

    reopened = reopen(journal, by="guardian")
    os.write(announce, b"g")
    os.close(announce)
    while os.read(watched, 1):
        pass  # nobody writes to it; the read returns when the run is gone
    if any(isinstance(event, RunEnded) for event in reopened.events()):
        return 0
    clock, recorder = reopened.tools.clock, reopened.tools.recorder
    recorder.record(Crashed(at=clock.now(), message="the run's process ended before the run did"))
    broken = reopened.revert_all()
    recorder.record(RunEnded(at=clock.now(), by="guardian"), durable=True)
    recorder.record(Judged(at=clock.now(), verdict=judge(reopened.events())))
    if broken:
        return 6
    reopened.free()
    return 0


def ignore_signals() -> None:
    """Ctrl-C in the terminal is for the run; whoever guards it stays."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
    except ChaosError as error:
        sys.exit(str(error))
