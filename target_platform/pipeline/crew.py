"""Workers as processes of one machine: started, started again when they die, ended with whoever started them."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence

from target_platform.pipeline.errors import PipelineError
from target_platform.pipeline.tool import dying_with_us

log = logging.getLogger("pipeline")

_DEATHS_MOST = 50
_PATIENCE_SECONDS = 10.0


class Crew:
    """`words` are those of the command `work`, the same for all."""

    def __init__(self, size: int, words: Sequence[str]) -> None:
        self._command = [*dying_with_us(), sys.executable, "-m", "target_platform.pipeline", "work", *words]
        self._deaths = 0
        self.workers = [self._started(number) for number in range(size)]

    def keep(self) -> None:
        """Start those again that have died. Raises PipelineError when they do nothing but die."""
        for number, worker in enumerate(self.workers):
            status = worker.poll()
            if status is None:
                continue
            self._deaths += 1
            log.warning("worker %d ended (%s) and is started again", worker.pid, status)
            if self._deaths > _DEATHS_MOST:
                raise PipelineError(f"Workers have ended {self._deaths} times, the last one with status {status}.")
            self.workers[number] = self._started(number)

    def end(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def _started(self, number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*self._command, "--core", str(number)], stdin=subprocess.DEVNULL)
