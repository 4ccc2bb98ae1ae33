"""A run in virtual time whose process can be made to die at any journal line or any change of the world."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import msgspec

from chaos.catalog import Catalog
from chaos.engine.plan import make_plan
from chaos.engine.rollback import Reverter
from chaos.engine.run import Around, Run, SignalName
from chaos.engine.toolbox import Toolbox
from chaos.environments.simulated import SimulatedEnvironment, register
from chaos.environments.simulated.clock import InlineWorkers, VirtualClock
from chaos.environments.simulated.load import SimulatedLoad
from chaos.environments.simulated.world import World, streaming_world
from chaos.journal.read import open_injections
from chaos.judge.verdict import judge
from chaos.model.errors import ChaosError
from chaos.model.events import Event, Injecting
from chaos.model.experiment import (
    Amount,
    Experiment,
    FaultStep,
    Load,
    Objective,
    ParallelStep,
    PluginUse,
    Selector,
    Step,
    Threshold,
    WaitStep,
)
from chaos.model.system import JSON, TargetKind
from chaos.model.verdict import Verdict

_DECODER = msgspec.json.Decoder(Event)
_NAMES = itertools.count()


class Killed(BaseException):
    """kill -9: no handler of the run may see it, and nothing of the run happens after it."""


@dataclass
class DyingRecorder:
    """Keeps lines as bytes, as a file would. Dies right after, or is full from, the given number of lines on."""

    dies_after: int | None = None
    full_after: int | None = None
    lines: list[bytes] = field(default_factory=list)
    dead: bool = False

    def record(self, *events: Event, durable: bool = False) -> None:
        for event in events:
            self.live()
            if self.full_after is not None and len(self.lines) >= self.full_after:
                raise ChaosError("the journal cannot be written: no space left on device")
            self.lines.append(msgspec.json.encode(event))
            if len(self.lines) == self.dies_after:
                self.dead = True
                raise Killed

    def live(self) -> None:
        if self.dead:
            raise Killed

    def events(self) -> tuple[Event, ...]:
        return tuple(_DECODER.decode(line) for line in self.lines)


class NoGuard:
    def start(self, detached_lease_holder: bool) -> None:
        pass

    def wait_ready(self) -> None:
        pass


@dataclass
class Stage:
    """A world, a run on it, and what the run left."""

    experiment: Experiment
    seed: int = 1
    dies_after_line: int | None = None
    dies_at_change: int | None = None
    full_after_line: int | None = None
    interrupted_after: float | None = None
    world: World = field(default_factory=lambda: streaming_world(VirtualClock()))
    recorder: DyingRecorder = field(init=False)
    changes: int = 0
    error: str = ""

    def __post_init__(self) -> None:
        self.recorder = DyingRecorder(self.dies_after_line, self.full_after_line)
        self.name = f"stage-{next(_NAMES)}"

    def run(self) -> Stage:
        """Execute until the end or until killed."""
        began = self.world.clock.now()
        self.world.on_change = self._changing
        tools = self._tools(self.recorder)
        plan = make_plan(self.experiment, tools.environment, tools.plugins, self.seed)
        load = SimulatedLoad(self.world, self.seed) if self.experiment.load else None

        def interrupted() -> SignalName | None:
            after = self.interrupted_after
            return "SIGINT" if after is not None and self.world.clock.now() - began >= after else None

        around = Around("a run", {"pid": 1, "started": 1}, NoGuard(), load, interrupted)
        try:
            Run(plan, tools, around).execute()
        except Killed:
            pass
        except ChaosError as error:
            self.error = error.message
        self.world.on_change = lambda what: None
        return self

    def roll_back(self) -> list[Injecting]:
        """What a fresh process does with the journal: returns what it could not revert."""
        recorder = DyingRecorder(lines=list(self.recorder.lines))
        reverter = Reverter(self._tools(recorder), by="rollback")
        broken = reverter.revert_all(open_injections(self.recorder.events()))
        self.recorder = recorder
        return broken

    def verdict(self) -> Verdict:
        return judge(self.recorder.events())

    def _tools(self, recorder: DyingRecorder) -> Toolbox:
        environment = SimulatedEnvironment(register(self.name, self.world), self.world)
        return Toolbox(environment, Catalog(), recorder, self.world.clock, InlineWorkers())

    def _changing(self, what: str) -> None:
        self.recorder.live()
        self.changes += 1
        if self.changes == self.dies_at_change:
            self.recorder.dead = True
            raise Killed


def fault(kind: str, on: TargetKind, labels: dict[str, str], seconds: float = 5.0, **parameters: JSON) -> FaultStep:
    return FaultStep(
        name=f"{kind} {labels}",
        fault=PluginUse(kind=kind, parameters=parameters),
        selector=Selector(kind=on, labels={key: (value,) for key, value in labels.items()}, amount=Amount("all")),
        duration_seconds=seconds,
    )


def everything_at_once() -> ParallelStep:
    """All portable faults, overlapping on the same targets."""
    return ParallelStep(
        name="everything",
        steps=(
            fault("kill", "instance", {"service": "edge", "region": "us-east-1"}),
            fault("pause", "instance", {"service": "gateway", "region": "eu-west-1"}, 3.0),
            fault("latency", "link", {"from": "gateway"}, 4.0, delay_ms=200.0),
            fault("region_outage", "region", {"name": "us-east-1"}, 6.0),
            fault("empty_discovery", "region", {"name": "eu-west-1"}, 3.0),
            fault("stale_discovery", "region", {"name": "us-east-1"}, 4.0),
        ),
    )


def experiment(*method: Step, with_load: bool = True) -> Experiment:
    """Home page served, under the simulated load."""
    objective = Objective(
        name="home is served",
        probe=PluginUse(kind="load_ratio", parameters={"request": "home"}),
        threshold=Threshold(">=", 0.95, ">= 95%"),
        min_samples=100,
    )
    return Experiment(
        name="simulated",
        hypothesis="the home page is served whatever stands",
        objectives=(objective,) if with_load else (),
        method=(WaitStep(name="before", seconds=2.0), *method, WaitStep(name="after", seconds=2.0)),
        load=Load(locustfile="viewers", arrivals_per_second=1.0) if with_load else None,
        guardrails=(),
    )
