"""The users of a simulated world: what they see follows from what stands and what is slow."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from chaos.environments.simulated.world import World
from chaos.model.sample import Histogram, LoadReport, LoadStream

REQUESTS_PER_SECOND = 40
DEADLINE_MS = 300.0


@dataclass
class SimulatedLoad:
    """Two kinds of request, `home` and `start`, half of them from each region."""

    world: World
    seed: int
    running: bool = False
    done_until: float = 0.0
    finished: bool = False
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def start(self) -> None:
        self.running, self.done_until = True, self.world.clock.now()

    def poll(self) -> tuple[LoadReport, ...]:
        reports = []
        while self.running and self.world.clock.now() - self.done_until >= 1.0:
            self.done_until += 1.0
            reports.append(self._report(self.done_until))
        if self.finished:
            self.finished = False
            reports.append(LoadReport(at=self.world.clock.now(), finished=True))
        return tuple(reports)

    def stop(self) -> None:
        self.running, self.finished = False, True

    def kill(self) -> None:
        self.running = False

    def _report(self, at: float) -> LoadReport:
        streams = [self._stream(kind, region, int(at)) for kind in ("home", "start") for region in self.world.regions]
        return LoadReport(at=at, streams=tuple(streams), lag_ms=1.0)

    def _stream(self, kind: str, region: str, second: int) -> LoadStream:
        answer = self._home_ms if kind == "home" else self._start_ms
        answers = [answer(region) for _ in range(REQUESTS_PER_SECOND)]
        times = [time_ms for time_ms in answers if time_ms is not None]
        return LoadStream(
            second=second,
            request=kind,
            region=region,
            count=len(answers),
            failures=answers.count(None),
            sum_value=sum(times),
            histogram=Histogram.of(times),
        )

    def _home_ms(self, region: str) -> float | None:
        serving = self._serving_region("gateway", region)
        if serving is None:
            return None
        links = [name for name, link in self.world.links.items() if link.region == serving]
        slow = max(self.world.link_ms(name) for name in links)
        alive = any(self.world.passes(name) and self.world.answers(self.world.links[name].instance) for name in links)
        if "fallback" in self.world.protections:
            slow, alive = min(slow, DEADLINE_MS), True
        return slow + self.draw.uniform(5, 20) if alive else None

    def _start_ms(self, region: str) -> float | None:
        return None if self._serving_region("edge", region) is None else self.draw.uniform(50, 150)

    def _serving_region(self, service: str, home: str) -> str | None:
        """Where a user of a region is served: at home, else elsewhere if failover is on."""
        regions = [home, *self.world.regions] if "failover" in self.world.protections else [home]
        return next((region for region in regions if self._up(service, region)), None)

    def _up(self, service: str, region: str) -> bool:
        return any(
            process.service == service and self.world.answers(name)
            for name, process in self.world.processes.items()
            if process.region == region
        )
