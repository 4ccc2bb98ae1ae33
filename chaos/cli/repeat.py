"""The same experiment with one seed after the other, until so many runs have given an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from msgspec import Struct

from chaos.catalog import Catalog
from chaos.cli.suite import Options, planned
from chaos.journal.read import read
from chaos.journal.series import Done, RunSeries, series
from chaos.judge.repeats import ANSWERS, Share, shares
from chaos.judge.verdict import judge
from chaos.judge.wording import counted
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ExitCode, Refused, worst
from chaos.model.events import RunStarted
from chaos.model.experiment import Experiment, with_workers, without_faults
from chaos.model.verdict import EXIT_CODES, Outcome
from chaos.shipped import find, find_environment
from chaos.spec import load_environment, load_experiment

_MOST_REFUSED = 3
"""Refused so many times in a row: whatever stands in the way does not go away."""


class Repeated(Struct, frozen=True, kw_only=True):
    """What `wanted` runs said, of which `kept` had been made before."""

    experiment: str
    wanted: int
    kept: int
    runs: dict[int, str]
    outcomes: dict[int, Outcome]
    shares: tuple[Share, ...]
    stopped: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """That of the worst run, as of a suite; of a series that was stopped also what stopped it."""
        return worst(EXIT_CODES[outcome] for outcome in self.outcomes.values())


def repeat(count: int, source: str, options: Options, fresh: bool) -> Repeated:
    """Run until `count` seeds, from the first on, have an answer; those of an earlier call are not run again.

    The first seed is that of the options, else of the file, else 1: so the same command goes on where it was stopped.
    """
    catalog = Catalog()
    ref = load_environment(find_environment(options.environment), catalog)
    file = find(source)
    experiment = load_experiment(file, catalog, options.variables)
    first = next(seed for seed in (options.seed, experiment.seed, 1) if seed is not None)
    known = series(experiment.name, [file.read_text(), *_means(options, first)])
    if fresh:
        known.forget()
    return _Repeats(source, _changed(experiment, options), ref, options, known).run(range(first, first + count))


def _means(options: Options, first: int) -> Iterator[str]:
    """What else makes runs alike."""
    yield str(find_environment(options.environment))
    yield f"from {first}, control {options.control}, workers {options.workers}"
    yield from (f"{name}={value}" for name, value in sorted(options.variables.items()))
    yield from options.weakened


def _changed(experiment: Experiment, options: Options) -> Experiment:
    experiment = without_faults(experiment) if options.control else experiment
    return with_workers(experiment, options.workers) if options.workers is not None else experiment


class _Repeats:
    def __init__(  # parameters: what one run needs, and where it is noted
        self, source: str, experiment: Experiment, ref: EnvironmentRef, options: Options, known: RunSeries
    ) -> None:
        self._source, self._experiment, self._ref, self._options = source, experiment, ref, options
        self._known = known
        self._runs: dict[int, str] = {}
        self._outcomes: dict[int, Outcome] = {}

    def run(self, seeds: range) -> Repeated:
        self._recall(seeds)
        kept = len(self._outcomes)
        if kept:
            print(f"{kept} of {counted(len(seeds), 'run')} were made before: going on")
        stopped = self._go_on([seed for seed in seeds if seed not in self._outcomes], len(seeds))
        return Repeated(
            experiment=self._experiment.name,
            wanted=len(seeds),
            kept=kept,
            runs=self._runs,
            outcomes=self._outcomes,
            shares=shares(tuple(self._outcomes.values())),
            stopped=stopped,
        )

    def _recall(self, seeds: range) -> None:
        """Judge what there is anew: the journal is what counts, not what was said of it."""
        for seed, directory in self._known.done().items():
            if seed in seeds:
                outcome = judge(read(directory.journal)).outcome
                if outcome in ANSWERS:
                    self._runs[seed], self._outcomes[seed] = directory.run, outcome

    def _go_on(self, seeds: list[int], wanted: int) -> str:
        """Why it ended before its time; empty when it did not."""
        refused = 0
        for seed in seeds:
            print(f"\nrun {len(self._outcomes) + 1} of {wanted}, seed {seed}", flush=True)
            outcome = self._outcomes[seed] = self._one(seed)
            if outcome in ("interrupted", "terminated", "still broken", "bug"):
                return f"stopped: run {self._runs.get(seed, '')} is {outcome}"
            refused = refused + 1 if outcome == "refused" else 0
            if refused == _MOST_REFUSED:
                return f"stopped: {refused} runs in a row were refused"
        return ""

    def _one(self, seed: int) -> Outcome:
        options = replace(self._options, seed=seed)
        try:
            events, verdict = planned(self._source, self._experiment, self._ref, options).run()
        except Refused as error:
            print(f"refused, nothing injected: {error}")
            return "refused"
        started = events[0]
        assert isinstance(started, RunStarted)
        self._runs[seed] = started.run
        if verdict.outcome in ANSWERS:
            self._known.add(Done(seed, started.run))
        return verdict.outcome
