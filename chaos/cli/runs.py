"""chaos runs: what was run, two of them side by side, one experiment many times."""

from __future__ import annotations

from typing import Annotated

import typer

from chaos.cli.run import Control, Environment, Out, Seed, Variables, Weaken, Workers

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Runs: list, compare, repeat.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_command(
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many, the newest.")] = 20,
    experiment: Annotated[str, typer.Option(help="Only runs of this experiment.")] = "",
    as_json: AsJson = False,
) -> None:
    """The newest runs, oldest first, with what their journals say."""
    import msgspec

    from chaos.cli.runs_list import listed
    from chaos.cli.runs_text import table

    found = listed(most, experiment)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    for line in table([(each.run, each.environment, f"seed {each.seed}", each.outcome) for each in found]):
        print(line)


@app.command("compare")
def compare_command(
    a: Annotated[str, typer.Argument(metavar="A", help="Run (a prefix, 'last', 'last~1'), or the path of a journal.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The run to compare with it.")],
    as_json: AsJson = False,
    fail_on_worse: Annotated[bool, typer.Option("--fail-on-worse", help="Exit with 1 when B is worse.")] = False,
) -> None:
    """Which objectives and kinds of requests differ beyond noise.

    Exit code: 0 when they could be compared (1 when B is worse in something, with --fail-on-worse), 3 when the runs
    have no samples of the same thing.
    """
    import msgspec

    from chaos.cli.runs_text import comparison_lines
    from chaos.journal.read import read
    from chaos.journal.runs import find
    from chaos.judge.compare import compare_runs
    from chaos.judge.verdict import judge
    from chaos.model.errors import BadInput, ExitCode

    runs = find(a), find(b)
    if runs[0].journal.resolve() == runs[1].journal.resolve():
        raise BadInput(f"{a} and {b} are the same run, {runs[0].run}", "`chaos runs list` shows which there are")
    first, second = (read(each.journal) for each in runs)
    found = compare_runs(first, second)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        names = runs[0].run, runs[1].run
        print("\n".join(comparison_lines(found, names, (judge(first), judge(second)))))
    if not found.comparable:
        raise typer.Exit(ExitCode.INCONCLUSIVE)
    raise typer.Exit(ExitCode.DEVIATED if fail_on_worse and found.worse else ExitCode.HELD)


@app.command("repeat")
def repeat_command(  # noqa: PLR0913  one parameter is one option
    count: Annotated[int, typer.Argument(metavar="N", min=1, max=10_000, help="How many runs.")],
    experiment: Annotated[str, typer.Argument(help="File, or name of a shipped experiment.")],
    environment: Environment = "local",
    seed: Seed = None,
    var: Variables = None,
    out: Out = None,
    weaken: Weaken = None,
    control: Control = False,
    workers: Workers = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of going on.")] = False,
) -> None:
    """Run an experiment N times, each with the next seed, and tell how often it holds.

    The first seed is --seed, the file's, or 1. A series that was stopped goes on by the same command. Exit code: that
    of the worst run, as for several experiments of `chaos run`.
    """
    from chaos.cli import suite
    from chaos.cli.repeat import repeat
    from chaos.cli.run import leave
    from chaos.cli.runs_text import repeated_lines

    options = suite.Options(
        environment=environment,
        seed=seed,
        variables=suite.variables(var or []),
        control=control,
        weakened=tuple(weaken or ()),
        out=out,
        workers=workers,
    )
    with suite.weakened(weaken or [], environment):
        found = repeat(count, experiment, options, fresh)
    print("\n".join(repeated_lines(found)))
    leave(found.exit_code)
