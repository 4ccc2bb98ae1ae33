"""chaos run: execute experiments and answer with the exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from chaos.cli.account_options import MayBill, Profile, RoleArn, account_settings

Experiments = Annotated[
    list[str], typer.Argument(metavar="EXPERIMENT...", help="Files, or names of shipped experiments.")
]
Environment = Annotated[
    str, typer.Option("--environment", "-e", help="Environment file, or the name of a shipped one.")
]
Seed = Annotated[int | None, typer.Option(help="Decides targets and arrivals; the same seed chooses the same.")]
Variables = Annotated[list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable of the file.")]
Out = Annotated[Path | None, typer.Option(help="Also write the reports of every run into this folder.")]
Junit = Annotated[Path | None, typer.Option(help="Write one JUnit XML file over all runs.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Processes that make the load, instead of the file's workers.")
]
Weaken = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Take a protection away from the bundled platform during the runs: a name, or a file of your own.",
    ),
]
Control = Annotated[bool, typer.Option("--control", help="Replace every fault by a wait: the same run, unharmed.")]
Strict = Annotated[
    bool,
    typer.Option("--strict-chaostoolkit", help="Chaos Toolkit experiments end with the exit code of the original."),
]


def run(  # noqa: PLR0913  one parameter is one option
    experiments: Experiments,
    environment: Environment = "local",
    seed: Seed = None,
    var: Variables = None,
    out: Out = None,
    junit: Junit = None,
    weaken: Weaken = None,
    control: Control = False,
    workers: Workers = None,
    strict_chaostoolkit: Strict = False,
    profile: Profile = "",
    role_arn: RoleArn = "",
    may_bill: MayBill = False,
) -> None:
    """Run experiments one after the other; also those written for the Chaos Toolkit.

    Exit code: 0 held, 1 deviated, 2 bad file, 3 inconclusive, 4 refused (nothing injected), 5 aborted by a
    guardrail, 6 something is still broken, 70 our bug, 130/143 interrupted; of several runs the worst.
    """
    from chaos.cli import suite

    options = suite.Options(
        environment=environment,
        seed=seed,
        variables=suite.variables(var or []),
        control=control,
        weakened=tuple(weaken or ()),
        out=out,
        junit=junit,
        workers=workers,
        strict=strict_chaostoolkit,
        settings=account_settings(profile, role_arn, may_bill),
    )
    with suite.weakened(weaken or [], environment):
        code = suite.run_all(experiments, options)
    leave(code)


def leave(code: int) -> NoReturn:
    """End at once. Python would first wait for threads whose question a sick system has not answered, then tidy up
    what ends with the process anyway."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
