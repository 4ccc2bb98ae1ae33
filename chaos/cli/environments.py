"""`chaos environments`: what an environment needs."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="What environments need of those who run them.", no_args_is_help=True, rich_markup_mode=None)


Experiments = Annotated[list[str], typer.Argument(metavar="EXPERIMENT...", help="Files, or shipped experiments.")]


@app.command()
def rbac(
    experiments: Experiments,
    environment: Annotated[
        str, typer.Option("--environment", "-e", help="Environment file, or a shipped one.")
    ] = "kubernetes",
    account: Annotated[
        str, typer.Option(metavar="NAMESPACE/NAME", help="The service account that gets the rights.")
    ] = "default/chaos",
) -> None:
    """Print the least rights that these experiments need there, as manifests for `kubectl apply -f -`. Asks no cluster.

    Exit code: 0 printed, 2 bad input, or an environment that has no rights to give.
    """
    print(_rights("kubernetes", experiments, environment, account), end="")


@app.command()
def iam(
    experiments: Experiments,
    environment: Annotated[str, typer.Option("--environment", "-e", help="Environment file of type aws.")],
    scan: Annotated[
        bool, typer.Option("--scan", help="And what `chaos rollback --scan` needs to look everywhere.")
    ] = False,
) -> None:
    """Print the least that these experiments need in that account, as an IAM policy. Asks no account.

    Exit code: 0 printed, 2 bad input, or an environment that is no AWS account, or several of them.
    """
    print(_rights("aws", experiments, environment, "", scan), end="")


def _rights(kind: str, experiments: list[str], environment: str, account: str, scan: bool = False) -> str:
    from chaos.catalog import Catalog
    from chaos.model.environment import parts_of
    from chaos.model.errors import BadInput
    from chaos.model.experiment import FaultStep, Step, inner_steps
    from chaos.model.residue import CanListRights, CanScanInPart
    from chaos.shipped import find, find_environment
    from chaos.spec import load_environment, load_experiment

    catalog = Catalog()
    ref = load_environment(find_environment(environment), catalog)
    there = [each for each in parts_of(catalog.open_environment(ref)) if each.ref.kind == kind]
    if len(there) > 1:
        names = ", ".join(each.ref.name for each in there)
        hint = "write the one that is meant into a file of its own, and name that by --environment"
        raise BadInput(f"{environment} has several parts of type {kind} ({names}), each with rights of its own", hint)
    opened = next((each for each in there if isinstance(each, CanListRights)), None)
    if opened is None:
        hint = "`chaos environments rbac` is for clusters, `chaos environments iam` for AWS accounts; see --environment"
        raise BadInput(f"{environment} is of type {ref.kind}, and no such rights are granted there", hint)

    def needs(steps: tuple[Step, ...]) -> list[type]:
        found = [catalog.build_fault(step.fault).needs for step in steps if isinstance(step, FaultStep)]
        return found + [need for step in steps for need in needs(inner_steps(step))]

    read = [load_experiment(find(name), catalog, {}) for name in experiments]
    wanted = dict.fromkeys(need for each in read for need in needs(each.method))
    if scan:
        wanted[CanScanInPart] = None
    return opened.rights(list(wanted), any(each.load is not None for each in read), account)
