"""chaos objectives: what a system promises, for those who watch it all year."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Objectives as rules of Prometheus.")


@app.callback()
def _group() -> None:
    """A group, though it has one command."""


@app.command("rules")
def rules_command(
    file: Annotated[str, typer.Argument(help="A file of objectives, or an experiment (its steady state).")],
    out: Annotated[Path | None, typer.Option(help="Write here instead of to the terminal.")] = None,
) -> None:
    """Recording and burn-rate alerting rules. Exit code 0 when there is at least one, 2 otherwise.

    Of an experiment, those of its objectives are used that read counters of Prometheus.
    """
    import msgspec
    import yaml

    from chaos.catalog import Catalog
    from chaos.judge.burn_rate import rules
    from chaos.model.errors import BadInput
    from chaos.model.experiment import Experiment
    from chaos.model.objectives import Objectives
    from chaos.shipped import find, find_any
    from chaos.spec import load_file

    read = load_file(find_any(file), Catalog(), find=find)
    if isinstance(read, Experiment):
        read = Objectives(name=read.name, objectives=read.objectives)
    if not isinstance(read, Objectives):
        raise BadInput(f"{file} holds no objectives", "give a file of `kind: Objectives`, or an experiment")
    made = rules(read)
    for sentence in made.left_out:
        typer.echo(sentence, err=True)
    if not made.groups:
        raise BadInput(f"no objective in {file} can be a rule", "use the probes promql_ratio and promql_quantile")
    groups = msgspec.to_builtins(made.groups)
    text = f"# Made by `chaos objectives rules {file}`: change that file instead.\n" + yaml.safe_dump(
        {"groups": list(groups)}, sort_keys=False, allow_unicode=True, width=10_000
    )
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {out}")
