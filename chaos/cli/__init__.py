"""The command line. One command a file: parse, call, print, exit.

Command modules import only typer and the standard library at their top: `chaos --help` reads them all.
"""

from __future__ import annotations

import gc
import sys

import typer

from chaos.cli import (
    abort,
    bench,
    catalog,
    demo,
    doctor,
    environments,
    export,
    gameday,
    init,
    keeper,
    metrics,
    monkey,
    objectives,
    plan,
    platform,
    proxy,
    report,
    rollback,
    run,
    runs,
    scrape_config,
    validate,
    watch,
)
from chaos.model.errors import ChaosError, ExitCode

_COLLECT_EVERY = 50_000
"""Objects made between two searches for cycles: at Python's 700, these are a tenth of what a short command does."""

app = typer.Typer(
    name="chaos",
    help="Ask a running system whether it keeps serving its users when this breaks.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("init")(init.init)
app.command("validate")(validate.validate)
app.command("rollback")(rollback.rollback)
app.command("abort")(abort.abort)
app.command("keeper")(keeper.keeper)
app.command("monkey")(monkey.monkey)
app.command("watch")(watch.watch)
app.command("report")(report.report)
app.command("metrics")(metrics.metrics)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
platform.app.command("scrape-config")(scrape_config.scrape_config)
app.add_typer(platform.app, name="platform")
app.add_typer(catalog.app, name="catalog")
app.add_typer(bench.app, name="bench")
app.add_typer(environments.app, name="environments")
app.add_typer(export.app, name="export")
app.add_typer(gameday.app, name="gameday")
app.add_typer(runs.app, name="runs")
app.add_typer(objectives.app, name="objectives")
app.add_typer(proxy.app, name="proxy")


def main() -> None:
    """Run a command; every error becomes a sentence and an exit code."""
    gc.set_threshold(_COLLECT_EVERY)
    try:
        app()
    except ChaosError as error:
        print(f"chaos: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody left to tell
        sys.exit(ExitCode.BUG)
    except Exception:  # noqa: BLE001  the outermost edge: printed whole, and never green
        import traceback

        traceback.print_exc()
        print("chaos: this is a bug in Steadfast, not in your system; nothing above is a verdict", file=sys.stderr)
        sys.exit(ExitCode.BUG)
