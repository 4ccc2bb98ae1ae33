"""`chaos validate`: read files and say everything that is wrong with them, without touching any system."""

from __future__ import annotations

from typing import Annotated

import typer


def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, or names of shipped ones.")],
    var: Annotated[list[str] | None, typer.Option("--var", help="NAME=VALUE, replaces ${NAME} in the files.")] = None,
) -> None:
    """Check files of any kind. Exit code 0 when all can be used, 2 otherwise."""
    from chaos.catalog import Catalog
    from chaos.model.errors import BadInput, ExitCode
    from chaos.model.experiment import Experiment
    from chaos.model.gameday import GameDay
    from chaos.model.objectives import Objectives
    from chaos.shipped import find, find_any
    from chaos.spec import load_file
    from chaos.spec.chaostoolkit import is_chaostoolkit

    catalog = Catalog()
    variables = dict(_pair(text) for text in var or [])
    bad = 0
    for name in files:
        try:
            path = find_any(name)
            if is_chaostoolkit(path):
                from chaos.cli import chaostoolkit

                typer.echo(chaostoolkit.validate(path))
                continue
            read = load_file(path, catalog, variables, find)
        except BadInput as error:
            bad += 1
            typer.echo(str(error), err=True)
            continue
        what = {Experiment: "experiment", GameDay: "game day", Objectives: "objectives"}.get(type(read), "environment")
        typer.echo(f"{path}: ok, {what} {read.name}")
    if bad:
        typer.echo(f"{bad} of {len(files)} files cannot be used", err=True)
        raise typer.Exit(ExitCode.BAD_INPUT)


def _pair(text: str) -> tuple[str, str]:
    from chaos.model.errors import BadInput

    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"--var {text} is not NAME=VALUE", "e.g. --var delay=3s")
    return name, value
