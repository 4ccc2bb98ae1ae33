"""What the engine costs while it watches. `make bench PYTEST_ARGS="-s -k engine"`."""

from __future__ import annotations

import resource
import threading
import time
from pathlib import Path
from typing import Any

from chaos.catalog import Catalog
from chaos.conductor import own_process
from chaos.engine.clock import SystemClock, ThreadWorkers
from chaos.engine.plan import make_plan
from chaos.engine.run import Around, Run
from chaos.engine.toolbox import Toolbox
from chaos.environments.local import open_environment
from chaos.journal.write import JournalWriter
from chaos.model.environment import EnvironmentRef
from chaos.model.experiment import Experiment, Load, Objective, PluginUse, Threshold
from chaos.model.sample import Histogram, LoadReport, LoadStream

OBJECTIVES = 50
SECONDS = 8.0
KINDS = ("session", "home", "title", "play", "start", "playlist", "segment", "watch", "heartbeat", "licence")
REGIONS = ("east", "west")


class SteadyLoad:
    """A report a second, as of 2 000 requests a second in ten kinds and two regions."""

    def __init__(self) -> None:
        self._last = time.time()
        self._done = False

    def start(self) -> None:
        self._last = time.time()

    def poll(self) -> tuple[LoadReport, ...]:
        now = time.time()
        if self._done:
            return (LoadReport(at=now, finished=True),)
        if now - self._last < 1.0:
            return ()
        self._last += 1.0
        return (LoadReport(at=now, streams=tuple(_stream(int(now) - 1, k, r) for k in KINDS for r in REGIONS)),)

    def stop(self) -> None:
        self._done = True

    def kill(self) -> None:
        pass


class NoGuard:
    def start(self, detached_lease_holder: bool) -> None:
        pass

    def wait_ready(self) -> None:
        pass


def test_engine_with_fifty_objectives_at_four_looks_a_second(tmp_path: Path) -> None:
    """Half of them read the load, half are asked of the system: those once a second, in other threads."""
    system = _system(tmp_path)
    for name, sampled in (("25 of the load, 25 of the system", 25), ("50 of the load", 0)):
        experiment = Experiment(
            name="many",
            hypothesis="h",
            objectives=tuple(_objective(number, number < sampled) for number in range(OBJECTIVES)),
            method=(),
            load=Load(locustfile="viewers", arrivals_per_second=1, warm_up_seconds=1, baseline_seconds=2),
            recovery_seconds=SECONDS,
            guardrails=tuple(_floor(number) for number in (30, 35)),
        )
        share = _share_of_a_core(experiment, open_environment(system), tmp_path / f"journal-{sampled}.jsonl")
        print(f"\nengine, {name}: {share:.2%} of one core, {threading.active_count()} threads", end="")


def _share_of_a_core(experiment: Experiment, environment: Any, journal: Path) -> float:
    clock, workers, writer = SystemClock(), ThreadWorkers(), JournalWriter(journal)
    tools = Toolbox(environment, Catalog(), writer, clock, workers)
    plan = make_plan(experiment, environment, tools.plugins, 1)
    around = Around("a run", own_process(), NoGuard(), SteadyLoad(), lambda: None)
    before, began = _cpu_seconds(), time.monotonic()
    Run(plan, tools, around).execute()
    share = (_cpu_seconds() - before) / (time.monotonic() - began)
    workers.close()
    writer.close()
    clock.close()
    return share


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _objective(number: int, sampled: bool) -> Objective:
    probe = PluginUse(kind="load_ratio", parameters={"request": KINDS[number % 10], "region": REGIONS[number % 2]})
    threshold = Threshold(">=", 0.9, ">= 90%")
    if sampled:
        probe = PluginUse(kind="process_alive", parameters={"service": f"service-{number}"})
    elif number % 2:
        probe = PluginUse(kind="load_quantile", parameters={"request": KINDS[number % 10], "quantile": 0.95})
        threshold = Threshold("<=", 800.0, "<= 800ms")
    return Objective(name=f"objective {number}", probe=probe, threshold=threshold)


def _floor(number: int) -> PluginUse:
    floor = 800.0 if number % 2 else 0.5
    parameters: dict[str, Any] = {"objective": f"objective {number}", "floor": floor, "over_seconds": 5.0}
    return PluginUse(kind="objective_floor", parameters=parameters)


def _stream(second: int, request: str, region: str) -> LoadStream:
    values = [20.0 + (number * 7 % 100) for number in range(100)]
    return LoadStream(
        second=second, request=request, region=region, count=100, sum_value=sum(values), histogram=Histogram.of(values)
    )


def _system(folder: Path) -> EnvironmentRef:
    """Fifty instances that are this very process: they only have to be alive."""
    import json

    process = own_process()
    instances = [
        {"name": f"a/{number}", "service": f"service-{number}", "region": "a", "address": "127.0.0.1:1", **process}
        for number in range(OBJECTIVES)
    ]
    state = {"name": "many", "launcher": process, "regions": ["a"], "instances": instances}
    (folder / "state.json").write_text(json.dumps(state))
    settings: dict[str, Any] = {"state": str(folder / "state.json"), "armed": True}
    return EnvironmentRef(kind="local", name="many", settings=settings)
