"""chaos metrics: runs as metrics, for a Prometheus to scrape."""

from __future__ import annotations

from typing import Annotated

import typer

PORT = 9464


def metrics(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Listen here; 0 takes a free port.")] = PORT,
    host: Annotated[str, typer.Option(help="Listen on this address; 0.0.0.0 is all of them.")] = "127.0.0.1",
) -> None:
    """Serve faults, load and objectives of the runs under way (and of the last ten minutes) at /metrics, until Ctrl-C.

    Exit code: 0, or 4 when the port is taken.
    """
    from chaos.ui.exporter import Runs, exporter

    with exporter(host, port, Runs()) as server:
        typer.echo(f"metrics of runs at http://{host}:{server.server_address[1]}/metrics")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass  # that is how it ends
