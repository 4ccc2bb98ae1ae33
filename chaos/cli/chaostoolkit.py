"""Chaos Toolkit experiments on the command line: what `run`, `plan` and `validate` do with them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from chaos.chaostoolkit.conduct import Ready, ready
from chaos.chaostoolkit.plan import plan_of
from chaos.chaostoolkit.redact import redact_terminal
from chaos.cli.plan_text import plan_text
from chaos.cli.progress import Progress
from chaos.cli.suite import Options
from chaos.conductor import Listener
from chaos.model.errors import BadInput, ExitCode, Refused
from chaos.model.verdict import EXIT_CODES, Verdict
from chaos.reports import write_all
from chaos.reports.junit import Case
from chaos.reports.terminal import render
from chaos.spec.chaostoolkit import load_chaostoolkit


@dataclass(frozen=True)
class Answered:
    """A run as a suite counts it. `code` is ours, or the original's where that was asked for."""

    case: Case
    code: ExitCode


@dataclass(frozen=True)
class ReadyRun:
    """An experiment of a suite that can be run."""

    found: Ready
    strict: bool
    out: Path | None

    @staticmethod
    def of(path: Path, source: str, options: Options) -> ReadyRun:
        """Everything about it is found out before the first run of the suite begins. Raises BadInput or Refused."""
        if options.control or options.workers is not None or options.weakened:
            what = "--control, --workers and --weaken are not for Chaos Toolkit experiments"
            raise BadInput(f"{source}: {what}", "run it without them")
        found = ready(path, options.variables, lenient=options.strict)
        redact_terminal(found.redactor)  # also for tracebacks, and for what controls print
        for note in found.experiment.notes:
            print(f"{source}: {note}", file=sys.stderr)
        repeat = _repeat(source, options)
        return ReadyRun(replace(found, plan=structs.replace(found.plan, repeat=repeat)), options.strict, options.out)

    def run(self, say: Callable[[str], None]) -> Answered:
        """Run it, printed, with its reports."""
        progress = Progress(sys.stdout, self.found.plan)
        title = self.found.experiment.title
        try:
            conducted, theirs = self.found.conduct(Listener(progress.on_event, progress.on_repeated_signal))
        except Refused as error:
            say(f"\n{title}: refused, nothing injected: {error}")
            verdict = Verdict(outcome="refused", sentence=error.message)
            return Answered(Case(title, (), verdict), self._code(ExitCode.REFUSED, 1))
        verdict = conducted.verdict
        say("")
        say(render(conducted.events, verdict, colour=sys.stdout.isatty()))
        for folder in [conducted.directory.path, *([self.out / conducted.directory.run] if self.out else [])]:
            written = write_all(conducted.events, verdict, folder)
        say(f"report: {next(path for path in written if path.suffix == '.html')}")
        return Answered(Case(title, conducted.events, verdict), self._code(EXIT_CODES[verdict.outcome], theirs))

    def _code(self, ours: ExitCode, theirs: int) -> ExitCode:
        return ExitCode(theirs) if self.strict else ours


def plan(path: Path, variables: Mapping[str, str], as_json: bool) -> None:
    """Print what would be called, with nothing filled in: no value of a secret is even looked up."""
    planned = plan_of(load_chaostoolkit(path), variables)
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(planned), indent=2).decode())
    else:
        print(plan_text(planned))


def _repeat(source: str, options: Options) -> str:
    words = ["chaos", "run", source]
    for name, value in options.variables.items():
        words += ["--var", f"{name}={value}"]
    return shlex.join([*words, "--strict-chaostoolkit"] if options.strict else words)


def validate(path: Path) -> str:
    """A line that says that it can be used, and what is odd about it. Raises BadInput."""
    from chaos.chaostoolkit.plan import check_callable
    from chaos.chaostoolkit.values import unset

    experiment = load_chaostoolkit(path)
    check_callable(experiment)
    odd = [*experiment.notes, *(f"the environment variable {key} is not set here" for key in unset(experiment))]
    return "\n".join([f"{path}: ok, Chaos Toolkit experiment {experiment.title}", *(f"  {note}" for note in odd)])
