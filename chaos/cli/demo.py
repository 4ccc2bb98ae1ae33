"""chaos demo: the whole tool in three minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXPERIMENTS = ("slow-recommendations", "dead-edge", "region-loss")


def demo(
    weaken: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Take a protection away first, and see what the tool says.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all three runs.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the reports into this folder.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the platform running afterwards.")] = False,
) -> None:
    """Start the streaming platform, run three experiments under load, say what came out, take everything down.

    Exit code: the worst of the three runs, 0 only when all held.
    """
    import time

    from chaos.cli import platform, suite

    began = time.monotonic()
    platform.up(weaken or [], None, print)
    try:
        code = suite.run_all(EXPERIMENTS, suite.Options(seed=seed, weakened=tuple(weaken or ()), out=out))
    finally:
        if keep:
            print("the platform is still running; `chaos platform down` ends it")
        else:
            platform.down(print)
    print(f"demo took {time.monotonic() - began:.0f} s")
    raise typer.Exit(code)
