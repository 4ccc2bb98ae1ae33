"""chaos keeper: revert what has expired on a system, for as long as it runs."""

from __future__ import annotations

from typing import Annotated

import typer

PORT = 9465


def keeper(
    environment: Annotated[str, typer.Option("--environment", "-e", metavar="FILE", help="The environment to keep.")],
    every: Annotated[str, typer.Option(metavar="DURATION", help="Look so often.")] = "1s",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Answer probes here; 0 takes a free port.")] = PORT,
    host: Annotated[str, typer.Option(help="Listen on this address; 0.0.0.0 is all of them.")] = "127.0.0.1",
) -> None:
    """Watch an environment for faults that have expired, and revert them from what they have left there alone.

    It needs no journal and no other process of Steadfast. Where one runs, plans name it as what ends faults if all else
    dies. At the port it answers /livez, /readyz and /metrics. Exit code: 0 after SIGTERM or Ctrl-C, 2 bad input,
    4 the port is taken.
    """
    import os
    import socket
    import threading

    from chaos.catalog import Catalog
    from chaos.engine.clock import Signals, SystemClock, ThreadWorkers
    from chaos.engine.keeper import Keeper
    from chaos.engine.keeper_server import keeper_server
    from chaos.model.errors import BadInput
    from chaos.model.residue import CanBeKept
    from chaos.shipped import find_environment
    from chaos.spec import load_environment
    from chaos.spec.units import seconds

    try:
        every_seconds = seconds(every)
    except ValueError as error:
        raise BadInput(f"--every: {error}", "e.g. --every 1s") from error
    catalog = Catalog()
    opened = catalog.open_environment(load_environment(find_environment(environment), catalog))
    if not isinstance(opened, CanBeKept):
        raise BadInput(f"{environment} bears no records that a keeper could act on", "its runs have a lease holder")
    clock, identity = SystemClock(), f"{socket.gethostname()}_{os.getpid()}"
    kept = Keeper(opened, clock, ThreadWorkers(8), identity, lambda line: typer.echo(f"keeper: {line}"))
    with keeper_server(host, port, kept) as server, Signals(clock, lambda: None) as signals:
        typer.echo(f"keeper: probes and metrics at http://{host}:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept.keep(every_seconds, lambda: signals.received is not None)
        server.shutdown()
