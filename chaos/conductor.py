"""Conducts one experiment from file to verdict: brings environment, load, journal, engine and judge together."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.catalog import Catalog
from chaos.engine.clock import Signals, SystemClock, ThreadWorkers
from chaos.engine.guardian import Guardian
from chaos.engine.lock import EnvironmentLocks
from chaos.engine.plan import make_plan
from chaos.engine.reservation import reserved
from chaos.engine.run import Around, Run
from chaos.engine.toolbox import Toolbox
from chaos.journal import runs
from chaos.journal.read import read, read_open_injections
from chaos.journal.runs import RunDirectory
from chaos.journal.write import JournalWriter
from chaos.judge.verdict import judge
from chaos.model.environment import Environment, EnvironmentRef, parts_of
from chaos.model.errors import BadInput, Refused
from chaos.model.events import Event, Judged
from chaos.model.experiment import Experiment
from chaos.model.home import steadfast_home
from chaos.model.load import LoadSource
from chaos.model.plan import Plan
from chaos.model.verdict import Verdict

NEEDED_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Conducted:
    """A run that has ended. `directory` holds its journal and, once written, its reports."""

    directory: RunDirectory
    events: tuple[Event, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Listener:
    """Who wants to know meanwhile: each event as it is recorded, and each further signal."""

    on_event: Callable[[Event], None]
    on_repeated_signal: Callable[[], None]


class Tee:
    """Records, then tells the listener."""

    def __init__(self, writer: JournalWriter, on_event: Callable[[Event], None]) -> None:
        self._writer = writer
        self._on_event = on_event

    def record(self, *events: Event, durable: bool = False) -> None:
        self._writer.record(*events, durable=durable)
        for event in events:
            self._on_event(event)


def plan_for(experiment: Experiment, ref: EnvironmentRef, seed: int | None) -> tuple[Plan, Environment]:
    """The plan of an experiment on an environment. The seed given wins over the file's; without either one is drawn."""
    catalog = Catalog()
    if experiment.load is not None:
        from chaos.load.driver import check

        check(experiment.load)
    environment = catalog.open_environment(ref)
    if seed is None:
        seed = experiment.seed if experiment.seed is not None else random.SystemRandom().randrange(2**31)
    return make_plan(experiment, environment, catalog, seed), environment


def conduct(plan: Plan, environment: Environment, listener: Listener) -> Conducted:
    """Execute a plan and judge its journal. Raises Refused when the run cannot even begin."""
    home = steadfast_home()
    refuse_full_disk(home)
    _refuse_unarmed(environment)
    lock = EnvironmentLocks(home / "locks", [part.lock_key for part in parts_of(environment)])
    directory = runs.create(plan.experiment.name, SystemClock().now())
    lock.acquire(directory.run, left_open)
    try:
        with reserved(environment, directory.run):
            _execute(plan, environment, directory, lock, listener)
    finally:
        lock.release()
    writer = JournalWriter(directory.journal)
    events = tuple(read(directory.journal))
    verdict = judge(events)
    judged = Judged(at=SystemClock().now(), verdict=verdict)
    writer.record(judged)
    writer.close()
    listener.on_event(judged)
    return Conducted(directory, (*events, judged), verdict)


def _execute(
    plan: Plan, environment: Environment, directory: RunDirectory, lock: EnvironmentLocks, listener: Listener
) -> None:
    clock, workers = SystemClock(), ThreadWorkers()
    writer = JournalWriter(directory.journal)
    tools = Toolbox(environment, Catalog(), Tee(writer, listener.on_event), clock, workers)
    guardian = Guardian(directory.journal, lock.descriptors)
    try:
        with Signals(clock, listener.on_repeated_signal) as signals:
            load = _load_source(plan, environment, directory)
            around = Around(directory.run, own_process(), guardian, load, lambda: signals.received)
            Run(plan, tools, around).execute()
    finally:
        guardian.dismiss()
        workers.close()
        writer.close()
        clock.close()


def _load_source(plan: Plan, environment: Environment, directory: RunDirectory) -> LoadSource | None:
    load = plan.experiment.load
    if load is None:
        return None
    from chaos.load.driver import LocustLoad

    keeps_history = {"CHAOS_HISTORY": "1"} if plan.experiment.data_safety else {}
    return LocustLoad(load, {**environment.load_settings(), **keeps_history}, plan.seed, directory.path)


def own_process() -> dict[str, int]:
    """The identity of this process: pid and start time in clock ticks after boot."""
    stat = Path("/proc/self/stat").read_text()
    return {"pid": os.getpid(), "started": int(stat.rpartition(")")[2].split()[19])}


def left_open(run: str) -> bool:
    """Whether a run has something to roll back."""
    try:
        return bool(read_open_injections(runs.find(run).journal))
    except BadInput:
        return False  # its folder was deleted: nothing is known of it that could be reverted


def _refuse_unarmed(environment: Environment) -> None:
    arming = environment.arming()
    if not arming.armed:
        raise Refused(
            f"environment {environment.ref.name!r} is not armed: {arming.reason}",
            "write `armed: true` into its environment file if faults are allowed there",
        )


def refuse_full_disk(home: Path) -> None:
    """A run without a journal could not be undone, so it is not begun."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as error:
        raise Refused(
            f"cannot keep a journal in {home}: {error.strerror}", "set STEADFAST_HOME to a folder that can be written"
        ) from error
    if free < NEEDED_BYTES:
        raise Refused(
            f"only {free / 2**20:.1f} MiB are free in {home}, a run needs {NEEDED_BYTES // 2**20} MiB for its journal",
            "free some space, or set STEADFAST_HOME to another disk",
        )
