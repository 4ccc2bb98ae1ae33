"""`chaos catalog`: what an experiment can be made of."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

app = typer.Typer(help="Faults, probes, guardrails and environments that are installed.", no_args_is_help=True)

Name = Annotated[str | None, typer.Argument(help="Show this one with its parameters and an example.")]


@app.command()
def faults(name: Name = None) -> None:
    """What can be broken, and how."""
    _show("fault", name)


@app.command()
def probes(name: Name = None) -> None:
    """What can be measured."""
    _show("probe", name)


@app.command()
def guardrails(name: Name = None) -> None:
    """What can stop a run."""
    _show("guardrail", name)


@app.command()
def environments() -> None:
    """Where experiments can run: the types of environment, and the shipped environment files."""
    from chaos.catalog import Catalog
    from chaos.shipped import shipped_environments

    typer.echo("types: " + ", ".join(Catalog().names("environments")))
    for name, path in shipped_environments().items():
        typer.echo(f"{name}  {path}")


def _show(role: Literal["fault", "probe", "guardrail"], name: str | None) -> None:
    from chaos.catalog import Catalog
    from chaos.spec.describe import describe, in_words, listing

    catalog = Catalog()
    typer.echo(listing(catalog, role) if name is None else in_words(describe(catalog, role, name)))
