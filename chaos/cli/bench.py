"""chaos bench: how often the tool's answers are right, measured on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chaos.bench.detection import Detection
    from chaos.bench.results import Result
    from chaos.model.errors import ExitCode

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Measure how far the tool's answers can be trusted."
)


@app.callback()
def bench() -> None:
    """Measure how far the tool's answers can be trusted."""


@app.command("detection")
def detection(  # noqa: PLR0913  one parameter is one option
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this weakness, or this experiment; repeat for more.")
    ] = None,
    weaknesses: Annotated[
        Path | None, typer.Option(help="A folder of weaknesses of your own, instead of those that are shipped.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each experiment with each weakness, all alike.")] = 3,
    healthy: Annotated[int, typer.Option(min=0, help="Runs on the healthy platform in all, each with its seed.")] = 60,
    controls: Annotated[int, typer.Option(min=0, help="Runs of each pair without a fault.")] = 0,
    sample: Annotated[
        int | None, typer.Option(min=3, help="Instead of all that: about so many runs, chosen by --turn.")
    ] = None,
    turn: Annotated[str, typer.Option(help="Decides which sample, e.g. a commit's hash.")] = "",
    seed: Annotated[int, typer.Option(help="The seeds of all runs follow from it.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; what is in it is not run again.")] = None,
    base_port: Annotated[int | None, typer.Option(help="First port of the platform, if it must be started.")] = None,
    at_most: Annotated[int | None, typer.Option(min=0, help="Make so many runs now, and say what is known.")] = None,
    again: Annotated[
        int, typer.Option("--ask-again", min=0, help="Run what was inconclusive so many times more, with other seeds.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Run experiments on a platform whose weaknesses are known, and count how often the answer is right.

    It starts the platform if it is not up, and takes it down again. Killed at any moment, the same command goes on.
    Exit code: 0 every run said what it should, or did when asked again, 1 a weakness was missed or a healthy platform
    accused, 3 a run had no answer, 130 interrupted.
    """
    from chaos.bench import cases as chosen
    from chaos.bench.detection import detection as figures
    from chaos.bench.results import Results
    from chaos.bench.runner import OwnProcess, ask_again, measure, platform_for
    from chaos.bench.tables import as_json as json_of
    from chaos.bench.tables import as_markdown, as_text
    from chaos.model.errors import ExitCode
    from chaos.model.home import steadfast_home
    from chaos.shipped import shipped_experiments

    whole = chosen.chosen(chosen.source(weaknesses, shipped_experiments(), seed), only or [])
    wanted = chosen.sample(whole, sample, turn) if sample else chosen.all_cases(whole, repeats, healthy, controls)
    folder = (out or steadfast_home() / "bench" / "detection").absolute()
    results = Results(folder)
    try:
        if any(results.of(case) is None for case in wanted) and at_most != 0:
            with platform_for(folder, lambda: _up(base_port), _down):
                runs = OwnProcess(folder / "runs")
                known = measure(wanted, results, runs, _say, at_most)
                known = ask_again(known, again, lambda cases: measure(cases, results, runs, _say))
        else:
            known = measure(wanted, results, OwnProcess(folder / "runs"), _say, 0)
    except KeyboardInterrupt:
        _say("interrupted; the same command goes on where this one ended")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    found = figures(known)
    (folder / "detection.json").write_bytes(json_of(found))
    (folder / "detection.md").write_text(as_markdown(found), encoding="utf-8")
    print(json_of(found).decode() if as_json else f"\n{as_text(found)}\n\nas tables: {folder / 'detection.md'}")
    raise typer.Exit(_code(found, known))


def _code(found: Detection, known: list[Result]) -> ExitCode:
    from chaos.bench.detection import ANSWERS, unanswered
    from chaos.bench.results import NOT_POSSIBLE
    from chaos.model.errors import ExitCode

    if any(each.outcome in ANSWERS and each.outcome != "inconclusive" for each in found.wrong):
        return ExitCode.DEVIATED
    asked = any(each.outcome != NOT_POSSIBLE for each in known)
    without = unanswered(known) or [each for each in found.wrong if each.outcome not in ANSWERS]
    return ExitCode.INCONCLUSIVE if without or not asked else ExitCode.HELD


def _up(base_port: int | None) -> bool:
    """Whether it had to be started. Raises Refused for a platform that is weakened already."""
    from chaos.cli import launcher, platform
    from chaos.model.errors import Refused

    seen = launcher.last_event(launcher.bundled(), ["status"])
    if seen["ready"] and seen["launcher"]:
        if seen["state"]["weakened"]:
            raise Refused("the platform is up and weakened", "`chaos platform up` without --weaken, or take it down")
        return False
    platform.up([], base_port, _say)
    return True


def _down() -> None:
    from chaos.cli import platform

    platform.down(_say)


def _say(line: str) -> None:
    import sys

    print(line, file=sys.stderr, flush=True)
