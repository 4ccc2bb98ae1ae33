"""`chaos export`: a plan in the words of somebody else's tool."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from chaos.cli.account_options import Profile, account_settings, with_settings

app = typer.Typer(help="Say a plan in the words of another tool.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """So that a group of one command is still a group."""


@app.command()
def fis(  # noqa: PLR0913  one parameter is one option
    experiment: Annotated[str, typer.Argument(help="File, or name of a shipped experiment.")],
    environment: Annotated[str, typer.Option("--environment", "-e", help="Environment file of type aws.")],
    role: Annotated[str, typer.Option(metavar="ARN", help="The role that FIS acts as.")],
    alarm: Annotated[
        list[str] | None, typer.Option(metavar="ARN", help="A CloudWatch alarm that stops it; may be given again.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides the targets.")] = None,
    var: Annotated[list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable.")] = None,
    profile: Profile = "",
) -> None:
    """Print the plan as an experiment template of AWS's Fault Injection Service, with the same targets.

    For `aws fis create-experiment-template --cli-input-json file://FILE`. Exit code: 0 printed, 2 bad input, or a plan
    that FIS cannot carry out, 4 no plan can be made.
    """
    from chaos.catalog import Catalog
    from chaos.cli.suite import variables
    from chaos.conductor import plan_for
    from chaos.model.errors import BadInput
    from chaos.model.fis import CanExportTemplates
    from chaos.shipped import find, find_environment
    from chaos.spec import load_environment, load_experiment

    catalog = Catalog()
    ref = with_settings(load_environment(find_environment(environment), catalog), account_settings(profile, ""))
    if ref.kind != "aws":
        raise BadInput(f"{environment} is of type {ref.kind}, and FIS is AWS's", "see --environment")
    planned, opened = plan_for(load_experiment(find(experiment), catalog, variables(var or [])), ref, seed)
    assert isinstance(opened, CanExportTemplates), "environments of type aws can"
    print(opened.as_template(planned, role, tuple(alarm or ())), end="")
    lost = ["its objectives", *(["its load"] if planned.experiment.load else [])]
    print(f"chaos: FIS has no room for {' and '.join(lost)}: nobody judges what users get", file=sys.stderr)
    if not alarm:
        print("chaos: no --alarm is given, so nothing stops it but its end", file=sys.stderr)
