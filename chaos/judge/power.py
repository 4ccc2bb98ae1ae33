"""What a number of samples can tell: the power of the judgement, before a run.

An objective asks which share of the samples meets its threshold: of a ratio `>= 99%` those that are good, of a
quantile `p95 < 300ms` those below 300 ms. How many of n do so is binomial, and the judge's answer is monotone in it.
So its power is a tail of the binomial distribution, summed exactly: the normal approximation is poor near 0 and 1
(A. Agresti, "Categorical data analysis", 3rd ed. 2013, section 1.4). Exact power is a saw in n, so a number of samples
that is enough is "about" so many (M. R. Chernick, C. Y. Liu, "The saw-toothed behavior of power versus sample size",
The American Statistician 56, 2002). Samples are taken to be independent, as by the intervals (intervals.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, structs

from chaos.judge.binomial import at_most
from chaos.judge.exposure import exposure, looks_every_seconds, planned_window
from chaos.judge.objectives import Answer, compare, estimate
from chaos.judge.wording import counted
from chaos.model.experiment import Objective
from chaos.model.plan import Plan
from chaos.model.sample import NEVER_MS, Histogram, Measurement, Ratio, Spread, bucket_of

POWERS = (0.80, 0.95)
_MOST_SAMPLES = 2**24
_STEPS = 50


class Prospect(Struct, frozen=True, kw_only=True):
    """What a planned run can say of one objective.

    `samples` is how many are expected in its window of `seconds`, None when nobody knows; `measured` says that an
    earlier run told. `deviates` and `holds` are, for each of POWERS, the share of samples meeting the threshold up to
    which it is called deviated, and from which on it is called held, with that probability; None where no share is.
    `needed` is the number of samples from which on a perfect system can be called held. `warning` is empty when the
    objective can be decided.
    """

    objective: str
    seconds: float
    samples: float | None
    measured: bool = False
    counted: bool = False
    deviates: tuple[float | None, ...] = ()
    holds: tuple[float | None, ...] = ()
    needed: int | None = None
    warning: str = ""


def prospects(plan: Plan, seen: Mapping[str, float]) -> tuple[Prospect, ...]:
    """One for each objective. `seen` has the samples a unit of exposure that an earlier run had (exposure.yields)."""
    return tuple(_prospect(objective, plan, seen.get(objective.name)) for objective in plan.experiment.objectives)


def deviates_below(objective: Objective, samples: int, power: float) -> float | None:
    """The largest true share of samples meeting the threshold that is called deviated with this probability."""
    deviates, _ = _decided(objective, samples)
    if deviates is None:
        return None
    share = _edge(lambda share: at_most(deviates, samples, share) >= power)
    return share if at_most(deviates, samples, share) >= power else None


def holds_from(objective: Objective, samples: int, power: float) -> float | None:
    """The smallest true share of samples meeting the threshold that is called held with this probability."""
    _, holds = _decided(objective, samples)
    if holds is None:
        return None
    return 1 - _edge(lambda missed: 1 - at_most(holds - 1, samples, 1 - missed) >= power)


def needed_samples(objective: Objective, share: float, power: float) -> int | None:
    """About how many samples call a system of this true share right with this probability; None for more than 2**24."""

    def enough(samples: int) -> bool:
        deviates, holds = _decided(objective, samples)
        called_deviated = 0.0 if deviates is None else at_most(deviates, samples, share)
        called_held = 0.0 if holds is None else 1 - at_most(holds - 1, samples, share)
        return (called_deviated if share < asked_share(objective) else called_held) >= power

    high = 1
    while not enough(high):
        high *= 2
        if high > _MOST_SAMPLES:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def asked_share(objective: Objective) -> float:
    """The share of samples that must meet the threshold for the objective to be just met."""
    wants_more = objective.threshold.operator in (">=", ">")
    quantile = quantile_of(objective)
    if quantile is None:
        return objective.threshold.value if wants_more else 1 - objective.threshold.value
    return 1 - quantile if wants_more else quantile


def quantile_of(objective: Objective) -> float | None:
    """The quantile that an objective is about; None for a share. Probes that say nothing else are about a median."""
    if objective.threshold.text.strip().endswith("%"):
        return None
    quantile = objective.probe.parameters.get("quantile")
    return float(quantile) if isinstance(quantile, int | float) else 0.5


def _prospect(objective: Objective, plan: Plan, seen: float | None) -> Prospect:
    begin, end = planned_window(objective.window, plan)
    found = Prospect(
        objective=objective.name,
        seconds=end - begin,
        samples=_expected(objective, plan, seen),
        measured=seen is not None,
    )
    if objective.probe.kind == "load_count":
        found = structs.replace(found, counted=True)
    elif found.samples is not None and (samples := round(found.samples)) > 0:
        found = structs.replace(
            found,
            deviates=tuple(deviates_below(objective, samples, power) for power in POWERS),
            holds=tuple(holds_from(objective, samples, power) for power in POWERS),
            needed=_needed_by_a_perfect_system(objective),
        )
    return structs.replace(found, warning=_warning(objective, found))


def _expected(objective: Objective, plan: Plan, seen: float | None) -> float | None:
    if seen is None:
        every, load = looks_every_seconds(objective), plan.experiment.load
        if every is None and (load is None or load.arrivals_per_second is None):
            return None  # how often a user of a closed loop asks depends on how fast it is answered
        seen = 1 / every if every is not None else 1.0
    return seen * exposure(objective, plan)


def _warning(objective: Objective, of: Prospect) -> str:
    """Why the run, as planned, will not decide the objective whatever happens."""
    if of.samples is None:
        return ""
    samples = round(of.samples)
    fewest = max(objective.min_samples, 1 if of.counted else of.needed or 1)
    if samples >= fewest:
        return ""
    why = f"fewer than minSamples asks for ({objective.min_samples:,})"
    if fewest > objective.min_samples:
        why = f"a perfect system needs {fewest:,} to be called held"
    longer = f", about {of.seconds * fewest / of.samples:.0f} s of it" if of.samples else ""
    return f"about {counted(samples, 'sample')} in its window are too few: {why}{longer}"


def _needed_by_a_perfect_system(objective: Objective) -> int | None:
    return needed_samples(objective, 1.0, 0.5) if asked_share(objective) < 1 else None


def _decided(objective: Objective, samples: int) -> tuple[int | None, int | None]:
    """The most samples meeting the threshold that are called deviated, and the fewest that are called held.

    Asks the judge itself, so that it cannot say otherwise afterwards.
    """

    def answer(met: int) -> Answer:
        return compare(estimate(_measured(objective, met, samples), objective.confidence), objective.threshold)

    not_deviated = _first(samples + 1, lambda met: answer(met) != "deviated")
    held = _first(samples + 1, lambda met: answer(met) == "held")
    return (not_deviated - 1 if not_deviated else None), (held if held <= samples else None)


def _measured(objective: Objective, met: int, samples: int) -> Measurement:
    """A measurement of which so many samples meet the threshold."""
    wants_more, quantile = objective.threshold.operator in (">=", ">"), quantile_of(objective)
    large = met if wants_more else samples - met
    if quantile is None:
        return Ratio(large, samples)
    buckets = {0: samples - large, bucket_of(NEVER_MS): large}
    return Spread(Histogram({bucket: count for bucket, count in buckets.items() if count}), quantile)


def _first(end: int, true_from: Callable[[int], bool]) -> int:
    """The first of 0..end-1 for which it is true, as for all after it; `end` when there is none."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if true_from(middle) else (middle + 1, high)
    return low


def _edge(true_up_to: Callable[[float], bool]) -> float:
    """The largest share for which it is true, as for all below it."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if true_up_to(middle) else (low, middle)
    return low
