"""chaos proxy: the fault proxy, with Toxiproxy's API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PORT = 8474
"""Toxiproxy's."""

app = typer.Typer(
    help="A proxy that breaks what passes it, by Toxiproxy's API.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("serve")
def serve(  # noqa: PLR0913  Toxiproxy's options, and a few of ours
    host: Annotated[str, typer.Option(help="Where the API listens; 0.0.0.0 is every address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port of the API.")] = PORT,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Proxies to start with: a JSON list.")] = None,
    seed: Annotated[int | None, typer.Option(help="Have jitter and toxicity drawn the same again.")] = None,
    state: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep all here; go on with it.")] = None,
    token_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Ask for the token in it.")] = None,
    proxy_metrics: Annotated[bool, typer.Option("--proxy-metrics", help="Tell bytes at /metrics.")] = False,
    runtime_metrics: Annotated[bool, typer.Option("--runtime-metrics", help="Tell CPU and memory there.")] = False,
) -> None:
    """Serve Toxiproxy's API until SIGTERM or Ctrl-C: its clients create proxies and put toxics on them.

    Exit code: 0 when it was told to end, 2 when it cannot begin (a port that is taken, a file that cannot be used).
    """
    from chaos.proxy import serve as process

    options = process.Options(
        host=host,
        port=port,
        config=config,
        seed=seed,
        state=state,
        token_file=token_file,
        proxy_metrics=proxy_metrics,
        runtime_metrics=runtime_metrics,
    )
    process.serve(options)
