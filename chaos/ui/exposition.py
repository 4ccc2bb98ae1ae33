"""Runs as metrics, in Prometheus' text format: faults as they begin and end, load as its users saw it, objectives.

A view of journals like any other, so it shows runs that are under way and, for a while, those that have ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chaos.judge.series import point
from chaos.judge.wording import is_never
from chaos.model.events import Event, Loaded
from chaos.model.sample import LoadStream, upper_bound
from chaos.ui.state import NOW_SECONDS, State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 5000, 10000, 30000)

Labels = dict[str, str]
Sample = tuple[str, Labels, float]

_FAMILIES = {
    "chaos_run_active": ("gauge", "1 while the run is under way, then 0"),
    "chaos_run_verdict": ("gauge", "1 for the outcome that the run was judged to have"),
    "chaos_fault_active": ("gauge", "1 from the injection of a fault until its end was verified, then 0"),
    "chaos_objective_value": ("gauge", "what an objective's probe measured last: a share, milliseconds or a number"),
    "chaos_objective_target": ("gauge", "the value that the objective is compared with"),
    "chaos_load_requests_total": ("counter", "requests of the load generator's users"),
    "chaos_load_failures_total": ("counter", "those that failed"),
    "chaos_load_bytes_total": ("counter", "bytes of the answers"),
    "chaos_load_value": ("histogram", "milliseconds of requests that succeeded, or a measure's own unit"),
}


@dataclass
class Totals:
    """Of one kind of request in one region. `within` counts values up to each of BOUNDS."""

    count: int = 0
    failures: int = 0
    bytes: int = 0
    sum_value: float = 0.0
    answered: int = 0
    within: list[int] = field(default_factory=lambda: [0] * len(BOUNDS))

    def add(self, stream: LoadStream) -> None:
        self.count += stream.count
        self.failures += stream.failures
        self.bytes += stream.bytes
        self.sum_value += stream.sum_value
        for bucket, count in stream.histogram.buckets.items():
            self.answered += count
            # The lower edge of a bucket decides: the value 300 lies in a bucket that ends at 305.
            value = upper_bound(bucket - 1) if bucket else 0.0
            for index, bound in enumerate(BOUNDS):
                self.within[index] += count if value < bound else 0


@dataclass
class Exposed:
    """One run."""

    state: State = field(default_factory=State)
    load: dict[tuple[str, str], Totals] = field(default_factory=dict)

    def take(self, events: Iterable[Event]) -> None:
        for event in events:
            self.state.take([event])
            for stream in event.report.streams if isinstance(event, Loaded) else ():
                self.load.setdefault((stream.request, stream.region), Totals()).add(stream)

    def samples(self) -> Iterator[Sample]:
        story = self.state.story
        if story is None:
            return
        run = {"run": story.started.run, "experiment": story.started.plan.experiment.name}
        yield "chaos_run_active", run, 0 if self.state.ended else 1
        if story.judged is not None:
            yield "chaos_run_verdict", {**run, "outcome": story.judged.outcome}, 1
        yield from self._faults(run)
        yield from self._objectives(run)
        for (request, region), totals in self.load.items():
            yield from _load({**run, "request": request, "home": region}, totals)

    def _faults(self, run: Labels) -> Iterator[Sample]:
        """Several injections of a fault into one target, one after the other, are one series."""
        active: dict[tuple[str, str], bool] = {}
        for each in self.state.injections:
            key = each.begun.fault.kind, each.begun.target
            active[key] = active.get(key, False) or (each.open and each.injected is not None)
        for (fault, target), is_active in active.items():
            yield "chaos_fault_active", {**run, "fault": fault, "target": target}, int(is_active)

    def _objectives(self, run: Labels) -> Iterator[Sample]:
        assert self.state.story is not None
        for objective in self.state.story.started.plan.experiment.objectives:
            labels = {**run, "objective": objective.name}
            yield "chaos_objective_target", labels, objective.threshold.value
            seen = self.state.seen.get(objective.name)
            measured = seen.recent(NOW_SECONDS) if seen else None
            value = point(measured) if measured is not None else None
            if value is not None and not is_never(value):
                yield "chaos_objective_value", labels, value


def _load(labels: Labels, totals: Totals) -> Iterator[Sample]:
    yield "chaos_load_requests_total", labels, totals.count
    yield "chaos_load_failures_total", labels, totals.failures
    yield "chaos_load_bytes_total", labels, totals.bytes
    for bound, count in zip(BOUNDS, totals.within, strict=True):
        yield "chaos_load_value_bucket", {**labels, "le": str(bound)}, count
    yield "chaos_load_value_bucket", {**labels, "le": "+Inf"}, totals.answered
    yield "chaos_load_value_sum", labels, totals.sum_value
    yield "chaos_load_value_count", labels, totals.answered


def text(runs: Iterable[Exposed]) -> str:
    """All samples of a family stand together, as the format asks."""
    found: dict[str, list[str]] = {family: [] for family in _FAMILIES}
    for run in runs:
        for name, labels, value in run.samples():
            family = name if name in found else name.rpartition("_")[0]
            inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
            found[family].append(f"{name}{{{inside}}} {value:.12g}")
    lines = []
    for family, samples in found.items():
        if samples:
            kind, meaning = _FAMILIES[family]
            lines += [f"# HELP {family} {meaning}", f"# TYPE {family} {kind}", *samples]
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
