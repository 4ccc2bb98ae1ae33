"""A process that calls the rollbacks when the run's process dies, however it dies.

It is told everything by a pipe of which the run holds the other end: secrets never touch a file, and the kernel closes
the pipe when the run ends, also after kill -9. What the dead run was calling ends by itself (child.py).
"""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from chaos.chaostoolkit.values import Values
from chaos.model.chaostoolkit import ToolkitExperiment
from chaos.model.errors import ChaosError, Refused
from chaos.model.events import Crashed, Judged, RunEnded

_READY_PATIENCE_SECONDS = 20.0
_CHILDREN_END_SECONDS = 0.25


@dataclass
class ToolkitGuardian:
    """The run's side. An experiment without rollbacks needs none."""

    journal: Path
    lock_descriptor: int
    experiment: ToolkitExperiment
    values: Values
    _pipe: int = -1
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start without waiting."""
        if not self.experiment.rollbacks or self.experiment.rollback_strategy == "never":
            return
        told, self._pipe = os.pipe()
        with (self.journal.parent / "guardian.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaos.chaostoolkit.guardian", str(self.journal), str(told)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=(told, self.lock_descriptor),
                start_new_session=True,
            )
        os.close(told)
        data = pickle.dumps((self.experiment, self.values))
        data = len(data).to_bytes(4, "big") + data
        while data:
            data = data[os.write(self._pipe, data) :]

    def wait_ready(self) -> None:
        """Raises Refused when it did not come up: without it no action is called."""
        if self._process is None or self._process.stdout is None:
            return
        ready, _, _ = select.select([self._process.stdout], [], [], _READY_PATIENCE_SECONDS)
        if not ready or not self._process.stdout.read(1):
            raise Refused(
                "the guardian that would roll back if this process died did not start",
                f"see {self.journal.parent / 'guardian.log'}",
            )

    def dismiss(self) -> None:
        """The run is over: let it see that and end."""
        if self._process is not None:
            os.close(self._pipe)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


def main(journal: Path, told: int) -> int:
    """The guardian's side. Exit code 0 when every rollback came back, else 6."""
    from chaos.chaostoolkit.again import Again
    from chaos.chaostoolkit.redact import Redactor, redact_terminal
    from chaos.engine.guardian import ignore_signals
    from chaos.journal.read import read
    from chaos.judge.verdict import judge

    ignore_signals()
    pipe = os.fdopen(told, "rb")
    experiment, values = pickle.loads(pipe.read(int.from_bytes(pipe.read(4), "big")))
    redactor = Redactor(values)
    redact_terminal(redactor)
    again = Again(journal, experiment, values, "guardian")
    os.write(1, b"g")
    while pipe.read(1):
        pass  # nobody writes to it; the read returns when the run is gone
    if any(isinstance(event, RunEnded) for event in read(journal)):
        return 0
    time.sleep(_CHILDREN_END_SECONDS)
    again.recorder.record(Crashed(at=again.clock.now(), message="the run's process ended before the run did"))
    broken = again.roll_back()
    again.recorder.record(RunEnded(at=again.clock.now(), by="guardian"), durable=True)
    again.recorder.record(Judged(at=again.clock.now(), verdict=judge(read(journal))))
    return 6 if broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
    except ChaosError as error:
        sys.exit(str(error))
