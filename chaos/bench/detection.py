"""From results to figures: recall, false alarms, inconclusive share, agreement, time to verdict. Pure.

A guardrail that aborts a run has noticed something, so `aborted` counts as noticed on a weakened platform and as a
false alarm on one that is well; both are also counted by name. A run that said nothing about the system (refused,
interrupted, a bug, still broken) is neither noticed nor missed: it is left out of shares, and told by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import median

from msgspec import Struct

from chaos.bench.cases import Kind
from chaos.bench.results import NOT_POSSIBLE, Result
from chaos.judge.intervals import wilson

CONFIDENCE = 0.95
RED = ("deviated", "aborted")
ANSWERS = (*RED, "held", "inconclusive")


class Share(Struct, frozen=True):
    """`number` of `total`, with Wilson's interval of 95 %; None when there was nothing to count."""

    number: int
    total: int
    low: float | None = None
    high: float | None = None

    @staticmethod
    def of(number: int, total: int) -> Share:
        low, high = wilson(number, total, CONFIDENCE) if total else (None, None)
        return Share(number, total, low, high)


class Row(Struct, frozen=True, kw_only=True):
    """One experiment with one weakness: what its repeats said, in order."""

    experiment: str
    weakness: str
    outcomes: tuple[str, ...]
    median_seconds: float

    @property
    def agrees(self) -> bool:
        return len(set(self.outcomes)) == 1

    @property
    def noticed(self) -> bool:
        """Every time, not only most of the times."""
        return bool(self.outcomes) and all(outcome in RED for outcome in self.outcomes)


class Times(Struct, frozen=True):
    """Seconds from the start of a run to its verdict."""

    median_seconds: float
    shortest_seconds: float
    longest_seconds: float
    runs: int


class Detection(Struct, frozen=True, kw_only=True):
    """`recall` counts runs. Repeats of a pair share their seed and are not independent, so `recall_of_pairs`, which
    counts pairs that were noticed every time, has the more honest interval."""

    recall: Share
    recall_of_pairs: Share
    recall_of_weaknesses: Share
    false_alarms: Share
    control_alarms: Share
    inconclusive: Share
    agreement: Share
    times: Times | None
    rows: tuple[Row, ...]
    healthy: dict[str, dict[str, int]]
    outcomes: dict[Kind, dict[str, int]]
    wrong: tuple[Result, ...]


def detection(results: Sequence[Result]) -> Detection:
    """The figures over these results."""
    answered = [each for each in results if each.outcome in ANSWERS]
    weakened = [each for each in answered if each.case.kind == "weakened"]
    rows = _rows(weakened)
    repeated = [row for row in rows if len(row.outcomes) > 1]
    by_weakness = {row.weakness for row in rows}
    noticed = by_weakness - {row.weakness for row in rows if not row.noticed}
    return Detection(
        recall=_red(weakened),
        recall_of_pairs=Share.of(sum(row.noticed for row in rows), len(rows)),
        recall_of_weaknesses=Share.of(len(noticed), len(by_weakness)),
        false_alarms=_red([each for each in answered if each.case.kind == "healthy"]),
        control_alarms=_red([each for each in answered if each.case.kind == "control"]),
        inconclusive=Share.of(sum(each.outcome == "inconclusive" for each in answered), len(answered)),
        agreement=Share.of(sum(row.agrees for row in repeated), len(repeated)),
        times=_times(answered),
        rows=rows,
        healthy=_healthy(results),
        outcomes={kind: _counted(each for each in results if each.case.kind == kind) for kind in _KINDS},
        wrong=tuple(each for each in results if not as_wished(each)),
    )


def as_wished(result: Result) -> bool:
    """Whether the run said what a right tool says of this case; what is not possible here is nobody's fault."""
    wished = RED if result.case.kind == "weakened" else ("held",)
    return result.outcome in wished or result.outcome == NOT_POSSIBLE


def unanswered(results: Sequence[Result]) -> tuple[Result, ...]:
    """Inconclusive runs whose question no later run has answered either."""

    def question(result: Result) -> tuple[str, str, str, int]:
        case = result.case
        return case.kind, case.experiment, case.weakness, case.repeat

    answered = {question(each) for each in results if each.outcome in (*RED, "held")}
    return tuple(each for each in results if each.outcome == "inconclusive" and question(each) not in answered)


_KINDS: tuple[Kind, ...] = ("weakened", "healthy", "control")


def _red(results: Sequence[Result]) -> Share:
    return Share.of(sum(each.outcome in RED for each in results), len(results))


def _rows(weakened: Iterable[Result]) -> tuple[Row, ...]:
    def pair(result: Result) -> tuple[str, str]:
        return result.case.experiment, result.case.weakness

    rows = []
    for (experiment, weakness), group in groupby(sorted(weakened, key=pair), key=pair):
        runs = sorted(group, key=lambda each: each.case.repeat)
        rows.append(
            Row(
                experiment=experiment,
                weakness=weakness,
                outcomes=tuple(each.outcome for each in runs),
                median_seconds=round(median(each.seconds for each in runs), 1),
            )
        )
    return tuple(rows)


def _healthy(results: Iterable[Result]) -> dict[str, dict[str, int]]:
    healthy = sorted((each for each in results if each.case.kind == "healthy"), key=lambda each: each.case.experiment)
    return {name: _counted(group) for name, group in groupby(healthy, key=lambda each: each.case.experiment)}


def _counted(results: Iterable[Result]) -> dict[str, int]:
    return dict(sorted(Counter(each.outcome for each in results).items()))


def _times(answered: Sequence[Result]) -> Times | None:
    seconds = [each.seconds for each in answered]
    if not seconds:
        return None
    return Times(round(median(seconds), 1), round(min(seconds), 1), round(max(seconds), 1), len(seconds))
