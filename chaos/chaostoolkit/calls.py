"""Our end of the process that an activity is called in."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.chaostoolkit.redact import Redactor
from chaos.chaostoolkit.values import Values
from chaos.model.chaostoolkit import Activity, HttpCall, ProcessCall, Provider, PythonCall

_CHILD = Path(__file__).with_name("child.py")
_RUN_A_FILE = "import sys; exec(compile(open(sys.argv.pop(1)).read(), 'child.py', 'exec'))"
"""Run by path and not as a module: its folder must not come before the user's own on the path of modules."""

_START_SECONDS = 30.0
_SLICE_SECONDS = 0.05
_LAST_WORDS = 2000


@dataclass(frozen=True)
class Result:
    """What came of a call: its output, or why there is none. Secrets are hidden in everything but `output`."""

    output: Any = None
    error: str = ""
    trace: str = ""
    interrupt: bool = False
    """The activity asks the whole run to end."""

    @property
    def failed(self) -> bool:
        return bool(self.error)


class Child:
    """One process, which takes one call after the other until one of them has to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs = self._answers = self._said = -1

    def ask(self, job: dict[str, Any], timeout_seconds: float | None, stopped: Callable[[], bool]) -> dict[str, Any]:
        """The answer to one job. When the time is over, or when the run is stopped, the process is killed with all that
        it started. The time counts from when the process is up."""
        if self._process is None:
            self._start()
        data = pickle.dumps(job)
        with contextlib.suppress(BrokenPipeError):  # it is dead: what it said follows
            _write_all(self._jobs, len(data).to_bytes(4, "big") + data)
        begun = self._line(time.monotonic() + _START_SECONDS, stopped)
        if "begun" not in begun:
            return begun
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        answer = self._line(deadline, stopped)
        if answer.get("late"):
            return {"error": f"it took longer than its timeout of {timeout_seconds:g} s, and was ended"}
        return answer

    def close(self) -> None:
        """Let it go. What an activity left running on purpose, such as a server, goes on."""
        if self._process is not None:
            data = pickle.dumps(None)
            with contextlib.suppress(BrokenPipeError):
                _write_all(self._jobs, len(data).to_bytes(4, "big") + data)
            try:
                self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._forget()

    def kill(self) -> None:
        """End it now, with all that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._forget()

    def _start(self) -> None:
        jobs, self._jobs = os.pipe()
        self._answers, answers = os.pipe()
        self._buffer = b""
        self._said = os.memfd_create("said")  # in memory: it may hold secrets
        python = os.environ.get("CHAOSTOOLKIT_PYTHON") or sys.executable
        self._process = subprocess.Popen(
            [python, "-c", _RUN_A_FILE, str(_CHILD), str(jobs), str(answers)],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            pass_fds=(jobs, answers),
            start_new_session=True,
        )
        os.close(jobs)
        os.close(answers)

    def _line(self, deadline: float | None, stopped: Callable[[], bool]) -> dict[str, Any]:
        """The next line, {"late": True}, or an error when the process is gone."""
        while b"\n" not in self._buffer:
            if stopped():
                self.kill()
                return {"error": "it was ended because the run was stopped"}
            left = _SLICE_SECONDS if deadline is None else min(_SLICE_SECONDS, deadline - time.monotonic())
            if left <= 0:
                self.kill()
                return {"late": True, "error": "its process did not start"}
            ready, _, _ = select.select([self._answers], [], [], left)
            if ready:
                data = os.read(self._answers, 65536)
                if not data:
                    return self._died()
                self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _died(self) -> dict[str, Any]:
        """It ended without an answer. The signals of chaoslib.exit mean that the run should end."""
        assert self._process is not None
        code = self._process.wait()
        size = os.fstat(self._said).st_size
        said = os.pread(self._said, _LAST_WORDS, max(0, size - _LAST_WORDS)).decode(errors="replace").strip()
        self.kill()
        asked = -code in (signal.SIGUSR1, signal.SIGUSR2)
        message = f"its process ended with {code}" + (f": {said}" if said else "")
        return {"error": "it asked the run to end" if asked else message, "interrupt": asked}

    def _forget(self) -> None:
        assert self._process is not None
        self._process.wait()
        os.close(self._jobs)
        os.close(self._answers)
        os.close(self._said)
        self._process = None


@dataclass(frozen=True)
class Caller:
    """Calls activities with their values filled in. `stopped` says that the run is over and calls are to end."""

    values: Values
    redactor: Redactor
    stopped: Callable[[], bool]
    longest_seconds: float | None = None
    """The timeout of whatever has none."""

    def call(self, activity: Activity, child: Child | None = None) -> Result:
        """Call it to its end, or to its timeout. A `child` that is given is used again; else it gets one of its own."""
        own = child or Child()
        try:
            timeout = self.timeout(activity)
            return self._result(own.ask(self.job(activity.provider), timeout, self.stopped))
        except BadTimeout as error:
            return Result(error=self.redactor.text(str(error)))
        finally:
            if child is None:
                own.close()

    def job(self, provider: Provider, more: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the child is told; `more` are further arguments."""
        filled = self.values.filled
        if isinstance(provider, PythonCall):
            return {
                "type": "python",
                "module": provider.module,
                "func": provider.func,
                "arguments": {**filled(provider.arguments), **(more or {})},
                "secrets": self.values.flat_secrets(provider.secrets) if provider.secrets else None,
                "configuration": self.values.configuration,
            }
        arguments = filled(provider.arguments)
        if more:
            arguments = {**arguments, **more} if isinstance(arguments, dict) else [*(arguments or []), *more.values()]
        if isinstance(provider, ProcessCall):
            return {"type": "process", "path": os.path.expanduser(provider.path), "arguments": arguments}
        return {
            "type": "http",
            "url": filled(provider.url),
            "method": provider.method,
            "headers": filled(provider.headers),
            "arguments": arguments,
            "timeout": _longest(filled(provider.timeout)),
            "verify_tls": provider.verify_tls,
            "max_retries": provider.max_retries,
        }

    def timeout(self, activity: Activity) -> float | None:
        """The shorter of the activity's own and its provider's; a request's [connect, read] are one after the other."""
        given = [self.values.filled(each) for each in (activity.timeout, activity.provider.timeout)]
        tries = activity.provider.max_retries + 1 if isinstance(activity.provider, HttpCall) else 1
        found = [_seconds(given[0]), None if given[1] is None else tries * (_sum(given[1]) or 0.0)]
        return min((each for each in found if each is not None), default=self.longest_seconds)

    def _result(self, answer: dict[str, Any]) -> Result:
        hide = self.redactor.text
        if "error" not in answer:
            return Result(output=answer["output"])
        interrupt = bool(answer.get("interrupt"))
        return Result(error=hide(answer["error"]), trace=hide(answer.get("trace", "")), interrupt=interrupt)


class BadTimeout(ValueError):
    """A timeout that came from a variable and is no number."""


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadTimeout(f"its timeout is no number of seconds: {value!r}") from None


def _sum(value: Any) -> float | None:
    return sum(_seconds(each) or 0.0 for each in value) if isinstance(value, list) else _seconds(value)


def _longest(value: Any) -> float | None:
    return max((_seconds(each) or 0.0 for each in value), default=None) if isinstance(value, list) else _seconds(value)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
