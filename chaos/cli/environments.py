"""`chaos environments`: what an environment needs."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="What environments need of those who run them.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Keeps `rbac` a command of its own while it is the only one."""


@app.command()
def rbac(
    experiments: Annotated[list[str], typer.Argument(metavar="EXPERIMENT...", help="Files, or shipped experiments.")],
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
    from chaos.catalog import Catalog
    from chaos.model.errors import BadInput
    from chaos.model.experiment import FaultStep, ParallelStep, Step
    from chaos.model.kubernetes import CanListRights
    from chaos.shipped import find, find_environment
    from chaos.spec import load_environment, load_experiment

    catalog = Catalog()
    opened = catalog.open_environment(load_environment(find_environment(environment), catalog))
    if not isinstance(opened, CanListRights):
        raise BadInput(f"{environment} is no cluster: nobody grants rights there", "see --environment")

    def needs(steps: tuple[Step, ...]) -> list[type]:
        found = [catalog.build_fault(step.fault).needs for step in steps if isinstance(step, FaultStep)]
        return found + [need for step in steps if isinstance(step, ParallelStep) for need in needs(step.steps)]

    read = [load_experiment(find(name), catalog, {}) for name in experiments]
    wanted = dict.fromkeys(need for each in read for need in needs(each.method))
    with_load = any(each.load is not None for each in read)
    print(opened.rights(list(wanted), with_load, account), end="")
