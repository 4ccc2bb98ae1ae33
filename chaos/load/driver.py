"""Locust as a LoadSource: starts the child process, reads its reports, ends it.

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
from importlib.util import find_spec
from pathlib import Path

import msgspec

from chaos.load.wire import FD_VARIABLE, STOP, Hello, Job
from chaos.model.errors import BadInput, ChaosError
from chaos.model.experiment import Load
from chaos.model.sample import LoadReport

READY_SECONDS = 20.0
"""How long the child may take to import Locust and the locustfile (about 1 s on an idle machine)."""

SILENCE_SECONDS = 10.0
"""A child that reports nothing for so long has hung: it reports each second."""

_BUNDLED = {"viewers": ("target_platform", "viewers/locustfile.py")}
_LOG_TAIL_LINES = 5
_REAP_SECONDS = 5.0
_FAREWELL_SECONDS = 1.0


class LocustLoad:
    """A LoadSource. `settings` and `load.settings` become environment variables of the locustfile.

    `directory` receives locust.log, everything the child and the locustfile print.
    """

    def __init__(self, load: Load, settings: Mapping[str, str], seed: int, directory: Path) -> None:
        self._load = load
        self._settings = settings
        self._seed = seed
        self._directory = directory
        self._log = directory / "locust.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._reports_fd = -1
        self._unread = b""
        self._heard_at = 0.0
        self._finished = False

    def start(self) -> None:
        """Start the child; load has begun when this returns. Raises BadInput when the locustfile cannot be used."""
        job = Job(
            name=self._load.locustfile,
            locustfile=str(find_locustfile(self._load.locustfile)),
            seed=self._seed,
            drain_seconds=self._load.drain_seconds,
            arrivals_per_second=self._load.arrivals_per_second,
            users=self._load.users,
            host=self._load.host or self._settings.get("CHAOS_HOST", ""),
        )
        self._spawn(job)
        try:
            hello = self._await_hello()
            if hello.refused:
                raise BadInput(hello.refused, hello.hint)
        except BaseException:
            self.kill()
            raise

    def poll(self) -> tuple[LoadReport, ...]:
        """All reports since the last poll; does not block. Raises ChaosError when the child has died or hung."""
        if self._process is None:
            return ()
        ended = self._read()
        reports = tuple(msgspec.json.decode(line, type=LoadReport) for line in self._lines())
        if any(report.finished for report in reports):
            self._finished = True
        if ended and not self._finished and not reports:
            self.kill()
            raise ChaosError("The load generator ended before its time." + self._tail(), _LOG_HINT % self._log)
        if not ended and not self._finished and time.monotonic() - self._heard_at > SILENCE_SECONDS:
            self.kill()
            raise ChaosError(
                f"The load generator has said nothing for {SILENCE_SECONDS:.0f} s." + self._tail(),
                "A locustfile that computes without ever waiting stops all its users; " + _LOG_HINT % self._log,
            )
        if self._finished:
            self._see_off()
        return reports

    def stop(self) -> None:
        """Ask the child to end its arrivals and drain; keep polling until a report has `finished`."""
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.write(STOP)
                self._process.stdin.flush()
            except BrokenPipeError:
                pass  # it is gone already: the next poll says so

    def kill(self) -> None:
        """End the child and everything it started, now. Safe to call at any time and again."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # all of the group is gone
            self._let_go()

    def _spawn(self, job: Job) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._reports_fd, childs_end = os.pipe()
        os.set_blocking(self._reports_fd, False)
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "chaos.load.child", msgspec.json.encode(job).decode()],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=self._environment(job, childs_end),
                    pass_fds=(childs_end,),
                    start_new_session=True,  # Ctrl-C is for the run, and kill() ends the whole group
                )
        finally:
            os.close(childs_end)

    def _environment(self, job: Job, fd: int) -> dict[str, str]:
        package_root = str(Path(__file__).resolve().parents[2])
        search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH", "")]))
        own = {
            FD_VARIABLE: str(fd),
            "CHAOS_HOST": job.host,
            "CHAOS_SEED": str(job.seed),
            "CHAOS_TIME_SCALE": str(self._load.time_scale),
            "PYTHONPATH": search_path,  # the child must import the same chaos, from wherever it was started
            "PYTHONUNBUFFERED": "1",
        }
        return {**os.environ, **self._settings, **self._load.settings, **own}

    def _await_hello(self) -> Hello:
        deadline = time.monotonic() + READY_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            select.select([self._reports_fd], [], [], left)
            ended = self._read()
            head, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                return msgspec.json.decode(head, type=Hello)
            if ended:
                raise BadInput("The load generator ended while it started." + self._tail(), _LOG_HINT % self._log)
        raise BadInput(
            f"The load generator was not ready after {READY_SECONDS:.0f} s." + self._tail(),
            f"Does {self._load.locustfile} do long work when it is imported? {_LOG_HINT % self._log}",
        )

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

    def _see_off(self) -> None:
        """Everything is reported: the child has a moment left for its own end."""
        if self._process is not None:
            try:
                self._process.wait(_FAREWELL_SECONDS)
            except subprocess.TimeoutExpired:
                pass  # something keeps it from ending; kill() does not ask
            self.kill()

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


_LOG_HINT = "the whole log is %s"


def find_locustfile(name: str) -> Path:
    """The absolute path of a bundled locustfile or of a user's own. Raises BadInput."""
    if name in _BUNDLED:
        package, inside = _BUNDLED[name]
        spec = find_spec(package)  # finds it without importing it
        if spec is None or spec.origin is None:
            raise BadInput(f"The locustfile {name!r} belongs to the package {package}, which is not installed.")
        return Path(spec.origin).parent / inside
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise BadInput(
            f"There is no locustfile {name!r} (looked for {path}).",
            f"Give the path of a Locust file, or one of the bundled ones: {', '.join(_BUNDLED)}.",
        )
    return path
