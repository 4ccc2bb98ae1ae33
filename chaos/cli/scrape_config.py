"""chaos platform scrape-config: what a Prometheus needs to scrape the processes that the launcher runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from chaos.cli import launcher
from chaos.cli.metrics import PORT


def scrape_config(
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", metavar="FILE", help="The processes that this file lists.")
    ] = None,
    rules: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Rules to evaluate; repeat for more.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="Scrape and evaluate so often.")] = 2,
    runs: Annotated[str, typer.Option(metavar="ADDRESS", help="Where `chaos metrics` listens.")] = f"127.0.0.1:{PORT}",
    format: Annotated[
        Literal["prometheus", "file-sd"], typer.Option(help="A whole configuration, or targets for file_sd_configs.")
    ] = "prometheus",
) -> None:
    """Print a Prometheus configuration for everything that has metrics. Exit code 2 when nothing was ever up here.

    Every series gets the labels service, region and instance; a label of its own of such a name becomes exported_NAME.
    """
    import yaml

    from chaos.model.errors import BadInput

    place = launcher.place_of(environment)
    state = launcher.last_event(place, ["status"])["state"]
    if state is None:
        raise BadInput(f"{place.words} was never up here", f"start it with `chaos platform up{place.option}`")
    targets = [_target(each) for each in state["instances"] if each["metrics_path"]]
    if not targets:
        raise BadInput(f"{place.words} has no metrics", "name their path for each process: `metrics: /metrics`")
    if format == "file-sd":
        typer.echo(json.dumps(targets, indent=2))
        return
    interval = f"{every}s"
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(path.absolute()) for path in rules or ()],
        "scrape_configs": [
            {"job_name": state["name"], "static_configs": targets},
            {"job_name": "chaos", "static_configs": [{"targets": [runs]}]},
        ],
    }
    typer.echo(yaml.safe_dump(config, sort_keys=False), nl=False)


def _target(instance: dict[str, Any]) -> dict[str, Any]:
    labels = {
        "instance": instance["name"],
        "service": instance["service"],
        "region": instance["region"],
        "__metrics_path__": instance["metrics_path"],
    }
    return {"targets": [instance["address"]], "labels": {key: value for key, value in labels.items() if value}}
