"""Journals as a run would leave them, made from a seed: for trying the judge and every report without an engine."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from chaos.model.environment import EnvironmentRef, LeaseHolder
from chaos.model.events import (
    Event,
    Injected,
    Injecting,
    Loaded,
    Phase,
    PhaseBegan,
    Reverted,
    Reverting,
    RunEnded,
    RunStarted,
    Sampled,
    StepBegan,
    StepEnded,
)
from chaos.model.experiment import Amount, Experiment, FaultStep, Load, Objective, PluginUse, Selector, Threshold
from chaos.model.fault import Active, Lease, Undo
from chaos.model.plan import Plan, PlannedFault, PlannedStep, PlannedWait
from chaos.model.sample import NEVER_MS, Histogram, LoadReport, LoadStream, Measurement, Ratio, Spread

START = 1_790_000_000.0
RUN = "20260921-141320000-3f2a-dead-edge"
REGIONS = ("north", "south")

START_SUCCESS = Objective(
    name="start success",
    probe=PluginUse(kind="load_ratio", parameters={"request": "start"}),
    threshold=Threshold(">=", 0.98, ">= 98%"),
    min_samples=100,
)
START_UP_TIME = Objective(
    name="start-up time",
    probe=PluginUse(kind="load_quantile", parameters={"request": "start", "quantile": 0.95}),
    threshold=Threshold("<=", 800.0, "<= 800ms"),
    window="fault",
    min_samples=50,
)
GATEWAY_UP = Objective(
    name="gateway answers",
    probe=PluginUse(kind="http", parameters={"path": "/healthz"}),
    threshold=Threshold(">=", 0.5, ">= 50%"),
    window="after",
)


@dataclass
class Synthetic:
    """A run in which one edge of two is killed for 20 s. `weakened` makes viewers feel it."""

    seed: int = 7
    weakened: bool = False
    fault: bool = True
    per_second: int = 40
    method_seconds: int = 40
    recovery_seconds: int = 15
    objectives: tuple[Objective, ...] = (START_SUCCESS, START_UP_TIME, GATEWAY_UP)
    events: list[Event] = field(default_factory=list)

    warm_up_seconds = 5
    baseline_seconds = 10
    fault_after_seconds = 10
    hold_seconds = 20

    def journal(self) -> list[Event]:
        """All events, in the order of a real journal."""
        self.draw = random.Random(self.seed)
        method = START + 0.4 + self.warm_up_seconds + self.baseline_seconds
        drain = method + self.method_seconds + self.recovery_seconds
        self.inject_at = method + self.fault_after_seconds
        self.revert_at = self.inject_at + self.hold_seconds
        self.events = [
            RunStarted(at=START, run=RUN, version="0.1.0", plan=self.plan(), process={"pid": 1, "started": 2})
        ]
        self._phase(START + 0.4, "warm-up")
        self._phase(START + 0.4 + self.warm_up_seconds, "baseline")
        self._phase(method, "method")
        if self.fault:
            self._injection()
        self._phase(method + self.method_seconds, "recovery")
        self._phase(drain, "drain")
        for second in range(int(START), int(drain) + 1):
            self._second(second)
        report = LoadReport(at=drain + 1.5, finished=True, unfinished=2)
        self.events.append(Loaded(at=drain + 1.6, report=report))
        self._phase(drain + 1.7, "end")
        self.events.append(RunEnded(at=drain + 1.8, by="run"))
        self.events.sort(key=lambda event: event.at)
        return self.events

    def experiment(self) -> Experiment:
        step = FaultStep(
            name="kill an edge",
            fault=PluginUse(kind="kill"),
            selector=Selector(kind="instance", labels={"service": ("edge",)}, amount=Amount("one")),
            duration_seconds=self.hold_seconds,
        )
        return Experiment(
            name="A dead edge",
            hypothesis="When one of two edges of a region dies, viewers do not notice: players move to the next edge.",
            objectives=self.objectives,
            method=(step,) if self.fault else (),
            load=Load(locustfile="viewers", arrivals_per_second=4.0),
            recovery_seconds=self.recovery_seconds,
            source="experiments/streaming/dead-edge.yaml",
        )

    def plan(self) -> Plan:
        wait = PlannedWait(name="wait 10s", seconds=self.fault_after_seconds)
        fault = PlannedFault(
            name="kill an edge",
            fault=PluginUse(kind="kill"),
            target_kind="instance",
            targets=("edge-north-1",),
            candidates=4,
            population=14,
            duration_seconds=self.hold_seconds,
            holder=LeaseHolder("launcher"),
            starts_at_seconds=self.fault_after_seconds,
        )
        steps: tuple[PlannedStep, ...] = (wait, fault) if self.fault else (wait,)
        return Plan(
            experiment=self.experiment(),
            environment=EnvironmentRef(kind="local", name="platform"),
            seed=4242,
            steps=steps,
            seconds=80.0,
            notes=("if all else dies, kill is ended by the launcher when its lease runs out",),
        )

    def _phase(self, at: float, phase: Phase) -> None:
        self.events.append(PhaseBegan(at=at, phase=phase))

    def _injection(self) -> None:
        inject, revert = self.inject_at, self.revert_at
        undo = Undo("edge-north-1", Lease(RUN, "1.1", inject + 30), {"pid": 4242, "started": 1893021})
        fault = PluginUse(kind="kill")
        gone, back = "process 4242 is gone and edge-north-1 is held down", "edge-north-1 is ready again as process 4321"
        self.events += [
            StepBegan(at=inject - 0.01, step="kill an edge"),
            Injecting(at=inject, injection="1.1", step="kill an edge", fault=fault, undo=undo),
            Injected(at=inject + 0.12, injection="1.1", active=Active.YES, evidence=gone),
            Reverting(at=revert, injection="1.1", by="run"),
            Reverted(at=revert + 0.6, injection="1.1", by="run", evidence=back),
            StepEnded(at=revert + 0.7, step="kill an edge"),
        ]

    def _second(self, second: int) -> None:
        """What a generator sees of one second, and what the probes make of it."""
        hurt = self.fault and self.inject_at - 1 < second < self.revert_at + (4 if self.weakened else 1)
        streams: list[LoadStream] = []
        good, values = 0, []
        for region in REGIONS:
            stream, latencies = self._starts(second, region, hurt and region == "north")
            streams += [stream, self._segments(second, region), *self._experience(second, region, hurt)]
            good += stream.count - stream.failures
            values += latencies
        total = sum(stream.count for stream in streams if stream.request == "start")
        sampled: dict[str, Measurement] = {
            "start success": Ratio(good, total),
            "start-up time": Spread(Histogram.of(values), 0.95),
        }
        lag = self.draw.uniform(0.5, 12)
        failures = {"edge-north-1: connection refused": total - good} if total > good else {}
        report = LoadReport(at=second + 1.1, streams=tuple(streams), lag_ms=lag, active_users=55, failures=failures)
        self.events += [
            Loaded(at=second + 1.2, report=report),
            Sampled(at=second + 1.2, of=float(second), values=sampled),
            self._gateway(second),
        ]

    def _gateway(self, second: int) -> Sampled:
        if second % 17 == 3:
            return Sampled(at=second + 0.5, of=second + 0.5, missing={"gateway answers": "no answer within 1 s"})
        return Sampled(at=second + 0.5, of=second + 0.5, values={"gateway answers": Ratio(1, 1)})

    def _starts(self, second: int, region: str, hurt: bool) -> tuple[LoadStream, list[float]]:
        count = max(1, round(self.draw.gauss(self.per_second / 2, 3)))
        chance = (0.14 if self.weakened else 0.012) if hurt else 0.002
        slower = (4.5 if self.weakened else 1.7) if hurt else 1.0
        failures = sum(self.draw.random() < chance for _ in range(count))
        latencies = [slower * self.draw.lognormvariate(5.0, 0.35) for _ in range(count - failures)]
        stream = LoadStream(
            second=second,
            request="start",
            region=region,
            count=count,
            failures=failures,
            sum_value=sum(latencies),
            bytes=900 * count,
            histogram=Histogram.of(latencies),
        )
        return stream, latencies + failures * [NEVER_MS]

    def _segments(self, second: int, region: str) -> LoadStream:
        count = self.per_second * 2
        latencies = [self.draw.lognormvariate(2.8, 0.5) for _ in range(count)]
        return LoadStream(
            second=second,
            request="segment",
            region=region,
            count=count,
            sum_value=sum(latencies),
            bytes=count * 180_000,
            histogram=Histogram.of(latencies),
        )

    def _experience(self, second: int, region: str, hurt: bool) -> list[LoadStream]:
        rebuffer = [self.draw.expovariate(1 / (40 if hurt and self.weakened else 2)) for _ in range(3)]
        bitrate = [self.draw.choice((800.0, 1400.0, 2400.0)) for _ in range(3)]
        return [
            LoadStream(
                second=second,
                request=name,
                region=region,
                count=3,
                sum_value=sum(values),
                histogram=Histogram.of(values),
            )
            for name, values in (("rebuffer_permille", rebuffer), ("bitrate_kbps", bitrate))
        ]
