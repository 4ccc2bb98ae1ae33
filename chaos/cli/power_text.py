"""What a plan will be able to say, in words."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.judge.power import POWERS, Prospect, needed_samples
from chaos.judge.wording import counted, seconds_text, share_text
from chaos.model.experiment import Objective
from chaos.model.plan import Plan


def prospect_lines(prospect: Prospect, indent: str) -> Iterator[str]:
    """How many samples to expect, what they can tell, and a warning when they cannot."""
    if prospect.samples is None:
        yield f"{indent}nobody knows how many samples: run it once, and this line will tell"
        return
    basis = " as in its last run" if prospect.measured else ""
    within = f"about {counted(round(prospect.samples), 'sample')} within {seconds_text(prospect.seconds)}{basis}"
    if prospect.counted:
        yield f"{indent}{within}, all of them counted"
    elif not prospect.warning:
        yield f"{indent}{within}: called deviated (probability {_chances()}) when {_shares(prospect.deviates)} or"
        yield f"{indent}  less of them meet the target, held when {_shares(prospect.holds)} or more do"
    if prospect.warning:
        yield f"{indent}WARNING: it cannot be decided: {prospect.warning}"


def effect_lines(plan: Plan, of: tuple[Prospect, ...], share: float) -> Iterator[str]:
    """How long each objective would need to call a system right of which this share of samples meets the target."""
    yield f"to tell that {share_text(share)} of the samples meet the target"
    for objective, prospect in zip(plan.experiment.objectives, of, strict=True):
        yield f"  {objective.name}: {_needed(objective, prospect, share)}"


def _needed(objective: Objective, prospect: Prospect, share: float) -> str:
    if prospect.counted:
        return "a count needs no samples to deviate"
    numbers = [needed_samples(objective, share, power) for power in POWERS]
    if any(number is None for number in numbers):
        return "no number of samples does: it is too near to the target"
    found = []
    for power, number in zip(POWERS, numbers, strict=True):
        assert number is not None
        number = max(number, objective.min_samples)
        pace = f", {seconds_text(prospect.seconds * number / prospect.samples)}" if prospect.samples else ""
        found.append(f"about {counted(number, 'sample')}{pace} with a probability of {power:.0%}")
    return "; ".join(found)


def _chances() -> str:
    return " / ".join(f"{power:.0%}" for power in POWERS)


def _shares(shares: tuple[float | None, ...]) -> str:
    return " / ".join("no share" if share is None else _rounded(share) for share in shares)


def _rounded(share: float) -> str:
    """Three digits of what is missing: 99.96%, 94.4%."""
    return f"{share:.1%}" if share < 0.99 else f"{share:.2%}"
