"""One worker: a child process that imports Locust, and the driver's end of its three pipes.

Locust patches the interpreter it is imported into, so it lives in a process of its own.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from chaos.load.wire import BEGIN, FD_VARIABLE, STOP, Hello, Job
from chaos.model.errors import BadInput, ChaosError
from chaos.model.sample import LoadReport

READY_SECONDS = 20.0
"""How long a child may take to import Locust and the locustfile (about 1 s on an idle machine)."""

SILENCE_SECONDS = 10.0
"""A child that reports nothing for so long has hung: it reports each second."""

_LOG_TAIL_LINES = 5
_REAP_SECONDS = 5.0
_FAREWELL_SECONDS = 1.0
_LOG_HINT = "the whole log is %s"


class Worker:
    """Started by `spawn`, ended by `see_off` or `kill`. `directory` receives its log."""

    def __init__(self, job: Job, directory: Path) -> None:
        self._job = job
        part = job.part
        self._name = "The load generator" if part.workers == 1 else f"Worker {part.worker + 1} of the load generator"
        self._log = directory / ("locust.log" if part.workers == 1 else f"locust-{part.worker + 1}.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._reports_fd = -1
        self._unread = b""
        self._heard_at = 0.0
        self._finished = False

    @property
    def pid(self) -> int:
        """0 when it is not there."""
        return self._process.pid if self._process is not None else 0

    def spawn(self, variables: Mapping[str, str]) -> None:
        """Start it with these environment variables; it loads the locustfile and waits."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._reports_fd, childs_end = os.pipe()
        os.set_blocking(self._reports_fd, False)
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "chaos.load.child", msgspec.json.encode(self._job).decode()],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **variables, **self._own_variables(childs_end)},
                    pass_fds=(childs_end,),
                    start_new_session=True,  # Ctrl-C is for the run, and kill() ends the whole group
                )
        finally:
            os.close(childs_end)

    def await_ready(self, deadline: float) -> None:
        """Wait until it can begin, to the monotonic `deadline` at most. Raises BadInput with what it says instead."""
        hello = self._hello(deadline)
        if hello.refused:
            raise BadInput(hello.refused, hello.hint)

    def begin(self, at: float) -> None:
        """Have it make load from the monotonic time `at` on."""
        self._heard_at = time.monotonic()
        self._say(f"{BEGIN.decode()} {at!r}".encode())

    def poll(self) -> tuple[LoadReport, ...]:
        """All reports since the last poll; does not block. Raises ChaosError when it has died or hung."""
        if self._finished:
            return ()
        ended = self._read()
        reports = tuple(msgspec.json.decode(line, type=LoadReport) for line in self._lines())
        self._finished = any(report.finished for report in reports)
        if ended and not self._finished and not reports:
            raise ChaosError(f"{self._name} ended before its time." + self._tail(), _LOG_HINT % self._log)
        if not ended and not self._finished and time.monotonic() - self._heard_at > SILENCE_SECONDS:
            raise ChaosError(
                f"{self._name} has said nothing for {SILENCE_SECONDS:.0f} s." + self._tail(),
                "A locustfile that computes without ever waiting stops all its users; " + _LOG_HINT % self._log,
            )
        return reports

    def stop(self) -> None:
        """Ask it to end its arrivals and drain."""
        self._say(STOP)

    def see_off(self) -> None:
        """Everything is reported: it has a moment left for its own end."""
        if self._process is not None:
            try:
                self._process.wait(_FAREWELL_SECONDS)
            except subprocess.TimeoutExpired:
                pass  # something keeps it from ending; kill() does not ask
            self.kill()

    def kill(self) -> None:
        """End it and everything it started, now. Safe to call at any time and again."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # all of the group is gone
            self._let_go()

    def _own_variables(self, fd: int) -> dict[str, str]:
        package_root = str(Path(__file__).resolve().parents[2])
        return {
            FD_VARIABLE: str(fd),
            "CHAOS_HOST": self._job.host,
            "CHAOS_SEED": str(self._job.seed),
            "CHAOS_WORKER": str(self._job.part.worker),
            "CHAOS_WORKERS": str(self._job.part.workers),
            # The child must import the same chaos, from wherever it was started.
            "PYTHONPATH": os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH", "")])),
            "PYTHONUNBUFFERED": "1",
        }

    def _hello(self, deadline: float) -> Hello:
        while (left := deadline - time.monotonic()) > 0:
            select.select([self._reports_fd], [], [], left)
            ended = self._read()
            head, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                return msgspec.json.decode(head, type=Hello)
            if ended:
                raise BadInput(f"{self._name} ended while it started." + self._tail(), _LOG_HINT % self._log)
        raise BadInput(
            f"{self._name} was not ready after {READY_SECONDS:.0f} s." + self._tail(),
            f"Does {self._job.name} do long work when it is imported? {_LOG_HINT % self._log}",
        )

    def _say(self, line: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(line + b"\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                pass  # it is gone already: the next poll says so

    def _read(self) -> bool:
        """Take what the pipe holds; true when the child has closed it."""
        while True:
            try:
                data = os.read(self._reports_fd, 1 << 16)
            except BlockingIOError:
                return False
            if not data:
                return True
            self._heard_at = time.monotonic()
            self._unread += data

    def _lines(self) -> list[bytes]:
        *lines, self._unread = self._unread.split(b"\n")
        return lines

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()[-_LOG_TAIL_LINES:]
        return " It said nothing." if not lines else " Its last words:\n" + "\n".join(f"    {line}" for line in lines)

    def _let_go(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            try:
                process.stdin.close()  # a child that still lives ends on this
            except BrokenPipeError:
                pass  # it went first
        process.wait(_REAP_SECONDS)
        os.close(self._reports_fd)
