"""chaos plan: what a run would do, target by target; changes nothing."""

from __future__ import annotations

from typing import Annotated

import typer


def plan(
    experiment: Annotated[str, typer.Argument(help="File, or name of a shipped experiment.")],
    environment: Annotated[
        str, typer.Option("--environment", "-e", help="Environment file, or a shipped one.")
    ] = "local",
    seed: Annotated[int | None, typer.Option(help="The seed a run would have.")] = None,
    var: Annotated[list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Show which targets a run would hit, when, for how long, and who ends each fault if all else dies."""
    from chaos.catalog import Catalog
    from chaos.cli.plan_text import plan_text
    from chaos.cli.suite import variables
    from chaos.conductor import plan_for
    from chaos.shipped import find, find_environment
    from chaos.spec import load_environment, load_experiment

    catalog = Catalog()
    ref = load_environment(find_environment(environment), catalog)
    loaded = load_experiment(find(experiment), catalog, variables(var or []))
    planned, _ = plan_for(loaded, ref, seed)
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(planned), indent=2).decode())
    else:
        print(plan_text(planned))
