"""What earlier runs tell about one that is planned."""

from __future__ import annotations

from chaos.journal.read import read, read_start
from chaos.journal.runs import all_runs
from chaos.judge.exposure import yields
from chaos.judge.story import tell
from chaos.model.errors import ChaosError
from chaos.model.plan import Plan

_MOST_RUNS = 200
_MOST_BYTES = 64 * 1024 * 1024


def seen_before(plan: Plan) -> dict[str, float]:
    """Samples a unit of exposure by objective, of the newest run of the same experiment there; empty without one.

    An objective whose probe has changed since is left out, and all are when the load is another one.
    """
    for run in reversed(all_runs()[-_MOST_RUNS:]):
        try:
            started = read_start(run.journal)
            if started is None or not _alike(started.plan, plan) or run.journal.stat().st_size > _MOST_BYTES:
                continue
            found = yields(tell(read(run.journal)))
        except (ChaosError, OSError):
            continue  # of a newer version, or deleted meanwhile: another run may tell as well
        then = {each.name: each.probe for each in started.plan.experiment.objectives}
        now = {each.name: each.probe for each in plan.experiment.objectives}
        known = {name: value for name, value in found.items() if value > 0 and then[name] == now.get(name)}
        if known:
            return known
    return {}


def _alike(one: Plan, other: Plan) -> bool:
    loads = [plan.experiment.load for plan in (one, other)]
    users = [(load.locustfile, load.mix, load.time_scale, load.users is None) if load else None for load in loads]
    same = one.experiment.name == other.experiment.name and one.environment.name == other.environment.name
    return same and users[0] == users[1]
