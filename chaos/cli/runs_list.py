"""What journals say of their runs at a glance: their first line and their verdict."""

from __future__ import annotations

from msgspec import Struct

from chaos.journal.read import read_start, read_verdict
from chaos.journal.runs import RunDirectory, all_runs, runs_folder
from chaos.model.errors import BadInput


class Listed(Struct, frozen=True, kw_only=True):
    """`outcome` is that of the last verdict in the journal, "not judged" without one, or "cannot be read"."""

    run: str
    experiment: str
    environment: str
    seed: int | None
    outcome: str


def listed(most: int, experiment: str = "") -> tuple[Listed, ...]:
    """The newest runs (of one experiment), oldest first. Raises BadInput when there is none."""
    found: list[Listed] = []
    for directory in reversed(all_runs()):
        each = _listed(directory)
        if experiment in ("", each.experiment):
            found.append(each)
        if len(found) == most:
            break
    if not found:
        what = f"of experiment {experiment!r} " if experiment else ""
        raise BadInput(f"there are no runs {what}in {runs_folder()}", "start one with `chaos run EXPERIMENT`")
    return tuple(reversed(found))


def _listed(directory: RunDirectory) -> Listed:
    """A journal that is damaged or of a newer version is a line of the list as well."""
    try:
        started = read_start(directory.journal)
        verdict = read_verdict(directory.journal)
    except BadInput:
        return Listed(run=directory.run, experiment="", environment="", seed=None, outcome="cannot be read")
    plan = started.plan if started else None
    return Listed(
        run=directory.run,
        experiment=plan.experiment.name if plan else "",
        environment=plan.environment.name if plan else "",
        seed=plan.seed if plan else None,
        outcome=verdict.outcome if verdict else "not judged",
    )
