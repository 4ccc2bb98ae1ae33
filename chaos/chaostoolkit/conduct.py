"""A Chaos Toolkit experiment from file to verdict."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from chaos.chaostoolkit.again import Again
from chaos.chaostoolkit.calls import Caller, Result
from chaos.chaostoolkit.guardian import ToolkitGuardian
from chaos.chaostoolkit.plan import KIND, check_callable, plan_of
from chaos.chaostoolkit.redact import RedactedRecorder, Redactor
from chaos.chaostoolkit.run import Around, ToolkitRun
from chaos.chaostoolkit.values import Values, refused_value, resolve
from chaos.conductor import Conducted, Listener, Tee, left_open, own_process, refuse_full_disk
from chaos.engine.clock import Signals, SystemClock
from chaos.engine.lock import EnvironmentLock
from chaos.journal import runs
from chaos.journal.read import read, stream
from chaos.journal.runs import RunDirectory
from chaos.journal.write import JournalWriter
from chaos.judge.verdict import judge
from chaos.model.chaostoolkit import Activity, ToolkitExperiment
from chaos.model.events import Judged, RunStarted
from chaos.model.home import steadfast_home
from chaos.model.plan import Plan
from chaos.spec.chaostoolkit import load_chaostoolkit


@dataclass(frozen=True)
class Ready:
    """An experiment that can be run now: everything it names is known, everything it calls is there."""

    experiment: ToolkitExperiment
    values: Values
    plan: Plan

    @property
    def redactor(self) -> Redactor:
        return Redactor(self.values)

    def conduct(self, listener: Listener) -> tuple[Conducted, int]:
        """Run it and judge its journal; with the exit code of the original. Raises Refused."""
        home = steadfast_home()
        refuse_full_disk(home)
        lock = EnvironmentLock(home / "locks", f"{KIND}:{self.experiment.source}")
        directory = runs.create(self.experiment.title, SystemClock().now())
        lock.acquire(directory.run, left_open)
        try:
            theirs = self._execute(directory, lock, listener)
        finally:
            lock.release()
        writer = JournalWriter(directory.journal)
        events = tuple(read(directory.journal))
        judged = Judged(at=SystemClock().now(), verdict=judge(events))
        writer.record(judged)
        writer.close()
        listener.on_event(judged)
        return Conducted(directory, (*events, judged), judged.verdict), theirs

    def _execute(self, directory: RunDirectory, lock: EnvironmentLock, listener: Listener) -> int:
        clock, writer = SystemClock(), JournalWriter(directory.journal)
        recorder = RedactedRecorder(Tee(writer, listener.on_event), Redactor(self.values))
        guardian = ToolkitGuardian(directory.journal, lock.descriptor, self.experiment, self.values)
        try:
            with Signals(clock, listener.on_repeated_signal) as signals:
                around = Around(directory.run, own_process(), recorder, clock, guardian, lambda: signals.received)
                run = ToolkitRun(self.experiment, self.values, self.plan, around)
                with _leaving(run):
                    run.execute()
        finally:
            guardian.dismiss()
            writer.close()
            clock.close()
        return run.account.exit_code


@contextmanager
def _leaving(run: ToolkitRun) -> Iterator[None]:
    """The signals by which chaoslib.exit, called by a control, ends a run: both roll back here."""

    def leave(number: int, frame: object) -> None:
        run.end("a control", f"it sent {signal.Signals(number).name}, as chaoslib.exit does")

    previous = {number: signal.signal(number, leave) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def ready(path: Path, overrides: Mapping[str, str], lenient: bool) -> Ready:
    """Read, fill in, and find everything that is called.

    Raises BadInput, or Refused when a value cannot be asked for.
    """
    experiment = load_chaostoolkit(path.resolve(), lenient)
    experiment = structs.replace(experiment, source=str(path.resolve()))
    check_callable(experiment)
    values = _resolved(experiment, overrides)
    title = Redactor(values).text(str(values.filled(experiment.title)))  # it becomes the name of a folder
    titled = structs.replace(experiment, title=title)
    return Ready(titled, values, plan_of(titled, overrides))


def is_of_chaostoolkit(journal: Path) -> bool:
    """Whether a journal is of a Chaos Toolkit experiment."""
    started = next(stream(journal), None)
    return isinstance(started, RunStarted) and started.plan.environment.kind == KIND


def roll_back_again(directory: RunDirectory) -> tuple[bool, bool]:
    """Call the rollbacks of an ended run, as its file has them now: whether there was anything to do, and whether
    something may still be broken. Raises BadInput when the file cannot be used any more."""
    started = next(event for event in stream(directory.journal) if isinstance(event, RunStarted))
    variables: Any = started.plan.environment.settings.get("variables") or {}
    found = ready(Path(started.plan.experiment.source), variables, lenient=True)
    was_open = left_open(directory.run)
    return was_open, Again(directory.journal, found.experiment, found.values, "rollback").roll_back()


def _resolved(experiment: ToolkitExperiment, overrides: Mapping[str, str]) -> Values:
    def ask(raw: dict[str, Any], values: Values) -> Any:
        probe = Activity.of({key: value for key, value in raw.items() if key != "type"})
        result = Caller(values, Redactor(values), lambda: False).call(probe)
        if result.failed:
            raise refused_value(probe.name, result.error)
        return _given(probe, result)

    return resolve(experiment, overrides, ask)


def _given(probe: Activity, result: Result) -> Any:
    kind, output = probe.provider.__struct_config__.tag, result.output
    if kind == "process":
        if output["status"] != 0:
            raise refused_value(probe.name, f"its command ended with status {output['status']}")
        return output["stdout"].strip()
    return output["body"] if kind == "http" else output
