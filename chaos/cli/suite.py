"""Several experiments in a row: what `run` and `demo` share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from chaos.catalog import Catalog
from chaos.cli.account_options import with_settings
from chaos.cli.plan_text import plan_text
from chaos.cli.progress import Progress
from chaos.conductor import Conducted, Listener, conduct, plan_for
from chaos.model.environment import Environment, EnvironmentRef
from chaos.model.errors import BadInput, ExitCode, Refused, worst
from chaos.model.events import Event
from chaos.model.experiment import Experiment, with_workers, without_faults
from chaos.model.plan import Plan
from chaos.model.system import JSON
from chaos.model.verdict import EXIT_CODES, Verdict
from chaos.reports import write_all
from chaos.reports.junit import Case, write_suite
from chaos.reports.terminal import render
from chaos.shipped import find, find_environment
from chaos.spec import load_environment, load_experiment
from chaos.spec.chaostoolkit import is_chaostoolkit

if TYPE_CHECKING:
    from chaos.cli.chaostoolkit import ReadyRun


@dataclass(frozen=True)
class Options:
    environment: str = "local"
    seed: int | None = None
    variables: dict[str, str] = field(default_factory=dict)
    control: bool = False
    weakened: tuple[str, ...] = ()
    out: Path | None = None
    junit: Path | None = None
    workers: int | None = None
    strict: bool = False
    """Chaos Toolkit experiments end with the exit code that the original has."""
    settings: dict[str, JSON] = field(default_factory=dict)
    """Of the environment, in place of those that its file has."""


def variables(pairs: Sequence[str]) -> dict[str, str]:
    """--var NAME=VALUE as a mapping. Raises BadInput for anything else."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise BadInput(f"--var {pair!r} is not NAME=VALUE", "write for example --var delay=2s")
        found[name] = value
    return found


@contextmanager
def weakened(names: Sequence[str], environment: str = "local") -> Iterator[None]:
    """Take protections away from the bundled platform until the block ends; locally also when this process does.

    Raises BadInput for an environment in which it does not run, and for an unknown weakness.
    """
    if not names:
        yield
        return
    from chaos.cli import launcher, platform, platform_chart

    cluster = platform_chart.cluster_of(environment)
    if cluster is None:
        platform.refuse_what_only_the_bundled_has(launcher.place_of(environment), names)
    with platform_chart.weaken(cluster, names, _say) if cluster is not None else platform.weaken(names, _say):
        yield


def run_all(sources: Sequence[str], options: Options) -> ExitCode:
    """Run experiments in order, print what they answer, and return the worst exit code.

    All files are read before the first run, so that a mistake in the last one costs nothing.
    """
    catalog = Catalog()
    ref = with_settings(load_environment(find_environment(options.environment), catalog), options.settings)
    try:
        experiments = [_read(source, catalog, options) for source in sources]
    except BadInput as error:
        if not options.strict:
            raise
        print(f"chaos: {error}", file=sys.stderr)
        return ExitCode.DEVIATED  # the original's code for whatever it cannot read
    cases: list[Case] = []
    codes: list[ExitCode] = []
    for source, experiment in zip(sources, experiments, strict=True):
        if isinstance(experiment, Experiment):
            cases.append(_run_one(source, experiment, ref, options))
            codes.append(EXIT_CODES[cases[-1].verdict.outcome])
        else:
            answered = experiment.run(_say)
            cases.append(answered.case)
            codes.append(answered.code)
        if cases[-1].verdict.outcome in ("interrupted", "terminated") and len(cases) < len(experiments):
            _say("interrupted: the experiments that follow are not run")
            break
    if options.junit is not None:
        write_suite(cases, options.junit)
    if len(cases) > 1:
        _summary(cases)
    return worst(codes)


def _read(source: str, catalog: Catalog, options: Options) -> Experiment | ReadyRun:
    path = find(source)
    if is_chaostoolkit(path):
        from chaos.cli.chaostoolkit import ReadyRun  # only those who have such a file wait for it

        return ReadyRun.of(path, source, options)
    experiment = load_experiment(path, catalog, options.variables)
    if options.control:
        experiment = without_faults(experiment)
    return experiment if options.workers is None else with_workers(experiment, options.workers)


@dataclass(frozen=True)
class Planned:
    """A run that could begin now."""

    plan: Plan
    environment: Environment
    options: Options

    @property
    def text(self) -> str:
        """The plan in words."""
        return plan_text(self.plan)

    def run(self) -> tuple[Sequence[Event], Verdict]:
        """Execute the plan, printed, with its reports. Raises Refused when it cannot even begin."""
        progress = Progress(sys.stdout, self.plan)
        conducted = conduct(self.plan, self.environment, Listener(progress.on_event, progress.on_repeated_signal))
        _say("")
        _say(render(conducted.events, conducted.verdict, colour=sys.stdout.isatty()))
        _write_reports(conducted, self.options)
        return conducted.events, conducted.verdict


def planned(source: str, experiment: Experiment, ref: EnvironmentRef, options: Options) -> Planned:
    """The plan of one run, with the command that repeats it. Raises Refused."""
    plan, environment = plan_for(experiment, ref, options.seed)
    return Planned(structs.replace(plan, repeat=_repeat(source, plan.seed, options)), environment, options)


def _run_one(source: str, experiment: Experiment, ref: EnvironmentRef, options: Options) -> Case:
    """One run, printed. A run that cannot begin is a case as well: a suite must not look complete without it."""
    try:
        events, verdict = planned(source, experiment, ref, options).run()
    except Refused as error:
        verdict = Verdict(outcome="refused", sentence=error.message)
        _say(f"\n{experiment.name}: refused, nothing injected: {error}")
        return Case(experiment.name, (), verdict)
    return Case(experiment.name, events, verdict)


def _repeat(source: str, seed: int, options: Options) -> str:
    """The command that does the same again."""
    words = ["chaos", "run", source, "--seed", str(seed)]
    if options.environment != Options.environment:
        words += ["--environment", options.environment]
    for name, value in options.variables.items():
        words += ["--var", f"{name}={value}"]
    if options.workers is not None:
        words += ["--workers", str(options.workers)]
    for name in options.weakened:
        words += ["--weaken", name]
    for key, given in options.settings.items():
        words += [f"--{key.replace('_', '-')}", *([] if given is True else [str(given)])]
    return shlex.join([*words, "--control"] if options.control else words)


def _write_reports(conducted: Conducted, options: Options) -> None:
    folders = [conducted.directory.path]
    if options.out is not None:
        folders.append(options.out / conducted.directory.run)
    for folder in folders:
        written = write_all(conducted.events, conducted.verdict, folder)
    _say(f"report: {next(path for path in written if path.suffix == '.html')}")


def _summary(cases: Sequence[Case]) -> None:
    width = max(len(case.name) for case in cases)
    _say("")
    for case in cases:
        _say(f"{case.name:<{width}}  {case.verdict.outcome}")


def _say(line: str) -> None:
    print(line, flush=True)
