"""chaos monkey: kill one random instance of each group that has opted in, once or every so often."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chaos.model.environment import EnvironmentRef
    from chaos.model.errors import ExitCode
    from chaos.monkey import Kill


def monkey(
    environment: Annotated[str, typer.Option("--environment", "-e", help="Environment file with a section `monkey`.")],
    once: Annotated[bool, typer.Option("--once", help="One round.")] = False,
    every: Annotated[str | None, typer.Option(metavar="DURATION", help="A round every so often, until Ctrl-C.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides who is killed; each round of --every adds one.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say whom it would kill, and kill nobody.")] = False,
) -> None:
    """Kill one random opted-in instance of each group, within the hours and caps of the environment file.

    Exit code: that of the worst run (0 the group was whole again); 4 nothing was killed. With --every it ends by Ctrl-C
    (130), or by itself when something stays broken (6).
    """
    import random

    from chaos.catalog import Catalog
    from chaos.model.errors import BadInput, ExitCode
    from chaos.monkey import monkey_of
    from chaos.shipped import find_environment
    from chaos.spec import load_environment
    from chaos.spec.units import seconds

    if once == (every is not None):
        raise BadInput("say either --once or --every DURATION", "e.g. chaos monkey --environment FILE --once")
    try:
        pause_seconds = seconds(every) if every is not None else 0.0
    except ValueError as error:
        raise BadInput(f"--every: {error}", "e.g. --every 5m") from error
    ref = load_environment(find_environment(environment), Catalog())
    monkey_of(ref)
    if seed is None:
        seed = random.SystemRandom().randrange(2**31)
    first = seed
    try:
        if once:
            raise typer.Exit(_round(ref, environment, first, dry_run))
        raise typer.Exit(rounds(lambda number: _round(ref, environment, first + number, dry_run), pause_seconds))
    except KeyboardInterrupt:  # between two kills: a run notices it itself, and reverts
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def rounds(
    one: Callable[[int], ExitCode], pause_seconds: float, sleep: Callable[[float], None] = time.sleep
) -> ExitCode:
    """Round 0, 1, 2 and so on with a pause after each, until one leaves something broken or is interrupted.

    A round in which nothing may be killed is no reason to end: hours and caps let the next one pass.
    """
    from itertools import count

    from chaos.model.errors import ExitCode

    for number in count():
        code = one(number)
        if code in (ExitCode.STILL_BROKEN, ExitCode.INTERRUPTED, ExitCode.TERMINATED):
            return code
        sleep(pause_seconds)
    raise AssertionError("count() does not end")


def _round(ref: EnvironmentRef, file: str, seed: int, dry_run: bool) -> ExitCode:
    from chaos.catalog import Catalog
    from chaos.model.errors import ExitCode, worst
    from chaos.monkey import decide

    decided = decide(ref, Catalog().open_environment(ref), seed, time.time())
    for reason in decided.reasons:
        print(f"not killing: {reason}", flush=True)
    codes = []
    for kill in decided.kills:
        print(f"{'would kill' if dry_run else 'killing'}: {kill.victim.name} (seed {seed})", flush=True)
        codes.append(ExitCode.HELD if dry_run else _kill(ref, file, seed, kill))
        if codes[-1] in (ExitCode.STILL_BROKEN, ExitCode.INTERRUPTED, ExitCode.TERMINATED):
            break
    return worst(codes) if codes else ExitCode.REFUSED


def _kill(ref: EnvironmentRef, file: str, seed: int, kill: Kill) -> ExitCode:
    import shlex
    from dataclasses import replace

    from msgspec import structs

    from chaos.cli import suite
    from chaos.model.errors import ExitCode, Refused
    from chaos.model.verdict import EXIT_CODES
    from chaos.monkey import monkey_of

    experiment = kill.experiment(monkey_of(ref))
    try:
        planned = suite.planned(experiment.name, experiment, ref, suite.Options(environment=file, seed=seed))
        repeat = shlex.join(["chaos", "monkey", "--once", "--environment", file, "--seed", str(seed)])
        _, verdict = replace(planned, plan=structs.replace(planned.plan, repeat=repeat)).run()
    except Refused as error:
        print(f"not killing: {error.message}", flush=True)
        return ExitCode.REFUSED
    return EXIT_CODES[verdict.outcome]
