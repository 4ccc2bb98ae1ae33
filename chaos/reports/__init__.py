"""What people get to see of a run: one file a kind, all of them readers of the journal.

A report either writes a file (`write(events, verdict, directory) -> path`) or is shown at once
(`render(events, verdict) -> str`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chaos.model.errors import ChaosError
from chaos.model.events import Event
from chaos.model.verdict import Verdict


def write_all(events: Sequence[Event], verdict: Verdict, directory: Path) -> tuple[Path, ...]:
    """Write every report that is a file into the directory, the page first. Raises ChaosError when that fails."""
    from chaos.reports import html, json, junit  # only now: the page's template engine takes its time to import

    try:
        directory.mkdir(parents=True, exist_ok=True)
        return tuple(report.write(events, verdict, directory) for report in (html, json, junit))
    except OSError as error:
        raise ChaosError(
            f"cannot write the reports into {directory}: {error.strerror}",
            "the journal is not affected: `chaos report` makes them again, elsewhere with --out",
        ) from error
