"""Makes the runs of a measurement, one process each, on a platform that it starts once and takes down again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from chaos.bench.cases import Case, again
from chaos.bench.detection import ANSWERS
from chaos.bench.results import NOT_POSSIBLE, Result, Results
from chaos.model.errors import ActionFailed, ExitCode

RUN_SECONDS = 600.0
STOP_SECONDS = 60.0
_LACKS = ("is not possible:", "cannot do what fault")
_MAIN = """\
import ctypes, signal
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
from chaos.cli import main
main()
"""
"""A run ends with who started it, also after kill -9 (prctl(2), PR_SET_PDEATHSIG): it would be in the next one's
way."""
_ENDED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)

Run = Callable[[Case], Result]
Say = Callable[[str], None]


class Said(Struct, frozen=True):
    """What is read of a run's report.json."""

    outcome: str
    sentence: str
    started_at: float
    ended_at: float
    objectives: tuple[SaidOfObjective, ...] = ()


class SaidOfObjective(Struct, frozen=True):
    name: str
    outcome: str


def measure(cases: Sequence[Case], results: Results, run: Run, say: Say, at_most: int | None = None) -> list[Result]:
    """Run what has no result yet, `at_most` so many, and return the results of all cases that have one.

    Only answers are kept: who was refused, or failed by a bug, is told now and made again the next time.
    Raises KeyboardInterrupt when a run was interrupted.
    """
    made: dict[str, Result] = {}
    missing = [case for case in cases if results.of(case) is None]
    if len(missing) < len(cases):
        say(f"{len(cases) - len(missing)} of {len(cases)} runs have been made already")
    for number, case in enumerate(missing[:at_most], len(cases) - len(missing) + 1):
        result = made[case.key] = run(case)
        if result.outcome in (*ANSWERS, NOT_POSSIBLE):
            results.add(result)
        off = f": {', '.join(result.off)}" if result.off else ""
        say(f"{number}/{len(cases)}  {case.words}: {result.outcome}{off} ({result.seconds:.0f} s)")
    return [found for case in cases if (found := made.get(case.key) or results.of(case)) is not None]


def ask_again(asked: list[Result], times: int, measured: Callable[[Sequence[Case]], list[Result]]) -> list[Result]:
    """All results, those of inconclusive cases that were asked again with other seeds among them.

    Stands apart from `measure` as it is for gates: a measurement counts what had no answer and leaves it at that.
    """
    results, open_cases = asked, asked
    for time_ in range(1, times + 1):
        open_cases = measured([again(each.case, time_) for each in open_cases if each.outcome == "inconclusive"])
        results = results + open_cases
    return results


class OwnProcess:
    """Runs a case as `chaos run` in a process of its own; its reports go below `folder`."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}

    def __call__(self, case: Case) -> Result:
        """Raises KeyboardInterrupt when the run was interrupted, ActionFailed when it does not end."""
        began = time.time()
        out = self._folder / f"{case.kind}-{case.experiment}-{case.weakness or 'none'}-{case.repeat}-{case.seed}"
        code, printed = self._run(["run", case.experiment, "--seed", str(case.seed), "--out", str(out), *_weak(case)])
        if code in _ENDED:
            raise KeyboardInterrupt
        said = _said(out)
        if said is None:
            return _without_report(case, code, printed, began)
        return Result(
            case=case,
            outcome=said.outcome,
            exit_code=code,
            seconds=round(said.ended_at - said.started_at, 2),
            off=tuple(each.name for each in said.objectives if each.outcome != "held"),
            sentence=said.sentence,
            at=began,
        )

    def _run(self, arguments: Sequence[str]) -> tuple[int, str]:
        command = [sys.executable, "-c", _MAIN, *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self._environment
        ) as process:
            try:
                printed, _ = process.communicate(timeout=RUN_SECONDS)
            except subprocess.TimeoutExpired as error:
                _end(process)
                raise ActionFailed(f"`chaos {' '.join(arguments)}` did not end within {RUN_SECONDS:.0f} s") from error
            except KeyboardInterrupt:  # the run has heard it too, and reverts
                _end(process)
                raise
        return process.returncode, printed


@contextmanager
def platform_for(folder: Path, up: Callable[[], bool], down: Callable[[], None]) -> Iterator[None]:
    """The platform is up inside; taken down at the end if this measurement has started it, now or before it was killed.

    `up` says whether it had to be started.
    """
    ours = folder / "platform-is-ours"
    if up():
        ours.touch()
    try:
        yield
    finally:
        if ours.exists():
            down()
            ours.unlink()


def _weak(case: Case) -> list[str]:
    return [*(["--weaken", case.weaken] if case.weaken else []), *(["--control"] if case.kind == "control" else [])]


def _without_report(case: Case, code: int, printed: str, began: float) -> Result:
    """Refused before it could begin, for what this machine lacks or for another reason; or not even that."""
    words = " ".join(printed.split())
    lacks = code == ExitCode.REFUSED and any(each in words for each in _LACKS)
    outcome = NOT_POSSIBLE if lacks else "refused" if code == ExitCode.REFUSED else "bug"
    seconds = round(time.time() - began, 2)
    return Result(case=case, outcome=outcome, exit_code=code, seconds=seconds, sentence=words[-300:], at=began)


def _said(out: Path) -> Said | None:
    """Of the newest report below the folder: a case that was cut off and made again has two."""
    reports = sorted(out.glob("*/report.json"), key=lambda path: path.stat().st_mtime)
    return msgspec.json.decode(reports[-1].read_bytes(), type=Said) if reports else None


def _end(process: subprocess.Popen[str]) -> None:
    """Time to revert, and then no more."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its guardian reverts
