"""What several runs of one experiment say together: how often it holds, with the interval of that share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from chaos.judge.intervals import wilson
from chaos.model.verdict import Outcome

ANSWERS: tuple[Outcome, ...] = ("held", "deviated", "inconclusive", "aborted")
"""Outcomes of a run that came to its end, in the order in which they are told. Others are no trial, and repeated."""


class Share(Struct, frozen=True, kw_only=True):
    """`count` of `of` runs ended with `outcome`; `low` to `high` is the 95 % Wilson interval of that share."""

    outcome: Outcome
    count: int
    of: int
    low: float
    high: float


def shares(outcomes: Sequence[Outcome], confidence: float = 0.95) -> tuple[Share, ...]:
    """The share of each answer among the runs that gave one, "held" (the pass rate) first; empty without such a run."""
    counts = Counter(outcome for outcome in outcomes if outcome in ANSWERS)
    total = counts.total()
    if not total:
        return ()
    found = []
    for outcome in ANSWERS:
        low, high = wilson(counts[outcome], total, confidence)
        found.append(Share(outcome=outcome, count=counts[outcome], of=total, low=low, high=high))
    return tuple(found)
