"""Looking at the system: probes when they are due, the load generator's reports, the guardrails' view of both."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from chaos.engine.glance import Glance
from chaos.engine.toolbox import Toolbox
from chaos.model.environment import Environment
from chaos.model.errors import ChaosError
from chaos.model.events import Event, Loaded, LoadFailed, Sampled
from chaos.model.experiment import Objective, PluginUse
from chaos.model.load import LoadSource
from chaos.model.plan import Plan
from chaos.model.probe import LoadProbe, SampledProbe
from chaos.model.sample import LoadReport, LoadStream, Measurement, NoSample, merge

KEPT_SECONDS = 600.0


@dataclass
class _Watched:
    """One probe under a name, and its recent measurements as (second they belong to, measurement)."""

    probe: SampledProbe | LoadProbe
    recent: deque[tuple[float, Measurement]] = field(default_factory=deque)
    next_due: float = 0.0
    in_flight: bool = False
    asked: int = 0


class Watch:
    """Samples every objective's probe and the load, and writes both to the journal."""

    def __init__(self, tools: Toolbox, plan: Plan, load: LoadSource | None) -> None:
        self._tools = tools
        self._load = load
        self._watched: dict[str, _Watched] = {}
        self._answers: queue.SimpleQueue[tuple[str, float, Measurement | NoSample]] = queue.SimpleQueue()
        self.load_failure: str = ""
        self.load_finished = load is None
        for objective in plan.experiment.objectives:
            self.add(objective.name, objective.probe)

    def add(self, name: str, use: PluginUse) -> None:
        """Watch one more probe under a name of its own; again is no change."""
        if name not in self._watched:
            self._watched[name] = _Watched(self._tools.plugins.build_probe(use))

    def tick(self, now: float) -> None:
        """Send out due probes, collect what has come in, write it down."""
        self._collect_load(now)
        self._ask_due_probes(now)
        self._collect_answers(now)

    def next_due(self) -> float | None:
        """When the next probe is due."""
        return min(
            (item.next_due for item in self._watched.values() if isinstance(item.probe, SampledProbe)), default=None
        )

    def recent(self, name: str, seconds: float) -> Measurement | None:
        """What a probe measured over the last seconds, merged."""
        since = self._tools.clock.now() - seconds
        watched = self._watched.get(name)
        return merge(value for at, value in watched.recent if at >= since) if watched else None

    def every_probe_has_been_asked(self) -> bool:
        return all(item.asked > 0 for item in self._watched.values() if isinstance(item.probe, SampledProbe))

    def _collect_load(self, now: float) -> None:
        if self._load is None or self.load_failure:
            return
        try:
            reports = self._load.poll()
        except ChaosError as error:
            self.load_failure = error.message
            self._tools.recorder.record(LoadFailed(at=now, message=error.message))
            return
        for report in reports:
            self._tools.recorder.record(Loaded(at=now, report=report), *self._reduced(now, report))
            self.load_finished = self.load_finished or report.finished

    def _reduced(self, now: float, report: LoadReport) -> Iterable[Event]:
        """The report as samples of every objective that reads the load, one event for each second in it."""
        by_second: dict[int, list[LoadStream]] = {}
        for stream in report.streams:
            by_second.setdefault(stream.second, []).append(stream)
        for second, streams in sorted(by_second.items()):
            values: dict[str, Measurement] = {}
            for name, item in self._watched.items():
                if isinstance(item.probe, LoadProbe):
                    measured = item.probe.reduce(streams)
                    if not isinstance(measured, NoSample):
                        values[name] = measured
                        self._remember(item, float(second), measured, now)
            if values:
                yield Sampled(at=now, of=float(second), values=values)

    def _ask_due_probes(self, now: float) -> None:
        glance = Glance(self._tools.environment)
        for name, item in self._watched.items():
            probe = item.probe
            if isinstance(probe, LoadProbe) or now < item.next_due:
                continue
            item.next_due = now + probe.every_seconds
            if item.in_flight:
                self._answers.put((name, now, NoSample("the probe has not come back from its last look")))
                continue
            item.in_flight = True
            self._tools.workers.submit(self._question(name, probe, glance, now))

    def _question(self, name: str, probe: SampledProbe, glance: Glance, at: float) -> Callable[[], None]:
        def ask() -> None:
            try:
                answer = probe.sample(glance)
            except Exception as error:  # noqa: BLE001  a probe that breaks its promise still says why there is no sample
                answer = NoSample(f"{type(error).__name__}: {error}")
            item = self._watched[name]
            item.in_flight = False
            item.asked += 1
            self._answers.put((name, at, answer))
            if item.asked == 1:
                self._tools.clock.wake()  # the baseline waits for everybody's first answer

        return ask

    def _collect_answers(self, now: float) -> None:
        while not self._answers.empty():
            name, at, answer = self._answers.get()
            if isinstance(answer, NoSample):
                self._tools.recorder.record(Sampled(at=now, of=at, missing={name: answer.reason}))
            else:
                self._remember(self._watched[name], at, answer, now)
                self._tools.recorder.record(Sampled(at=now, of=at, values={name: answer}))

    def _remember(self, item: _Watched, at: float, measured: Measurement, now: float) -> None:
        item.recent.append((at, measured))
        while item.recent and item.recent[0][0] < now - KEPT_SECONDS:
            item.recent.popleft()


@dataclass(frozen=True)
class View:
    """What guardrails see of a run (model/guardrail.py: Situation)."""

    phase: Literal["before", "during"]
    plan: Plan
    environment: Environment
    now: float
    watch: Watch

    def objective(self, name: str) -> Objective | None:
        return next((item for item in self.plan.experiment.objectives if item.name == name), None)

    def recent(self, objective: str, seconds: float) -> Measurement | None:
        return self.watch.recent(objective, seconds)
