"""Two runs side by side: what differs is told, what is noise is not, however many things are compared."""

from __future__ import annotations

import random

import pytest
from msgspec import structs

from chaos.cli.repeat import Repeated
from chaos.cli.runs_text import comparison_lines, repeated_lines
from chaos.judge.compare import Comparison, compare_runs, design_effect, holm
from chaos.judge.intervals import newcombe
from chaos.judge.repeats import shares
from chaos.judge.verdict import judge
from chaos.model.errors import ExitCode
from chaos.model.events import Event, Loaded, RunStarted, Sampled
from chaos.model.experiment import Objective, PluginUse, Threshold
from chaos.model.sample import NEVER_MS, Histogram, Measurement, Ratio, Spread
from chaos.model.verdict import Outcome
from tests.unit.reports.synthetic import START_SUCCESS, Synthetic

SHARE = Objective(name="served", probe=PluginUse(kind="promql_ratio"), threshold=Threshold(">=", 0.9, ">= 90%"))
TIME = Objective(
    name="in time",
    probe=PluginUse(kind="promql_quantile", parameters={"quantile": 0.95}),
    threshold=Threshold("<", 800.0, "< 800ms"),
)
FRAME = Synthetic(objectives=(SHARE, TIME), fault=False)
SKELETON = [event for event in FRAME.journal() if not isinstance(event, Sampled | Loaded)]
SECONDS = range(int(SKELETON[0].at) + 10, int(SKELETON[0].at) + 60)


def run(draw: random.Random, share: float = 0.95, slower: float = 1.0, burst: float = 0.0) -> list[Event]:
    """Twenty requests a second; with `burst` whole seconds are bad together, in that part of them."""
    samples: list[Event] = []
    for second in SECONDS:
        now = 0.5 if draw.random() < burst else share
        values: dict[str, Measurement] = {
            SHARE.name: Ratio(sum(draw.random() < now for _ in range(20)), 20),
            TIME.name: Spread(Histogram.of(slower * draw.lognormvariate(5, 0.5) for _ in range(20)), 0.95),
        }
        samples.append(Sampled(at=second + 1.0, of=float(second), values=values))
    return sorted([*SKELETON, *samples], key=lambda event: event.at)


def changes(found: Comparison) -> dict[str, str]:
    return {each.name: each.change for each in found.differences}


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table II, method 10, with the sign of B less A.
        ((56, 70), (48, 80), -0.3339, -0.0524),
        ((9, 10), (3, 10), -0.8090, -0.1705),
        ((5, 56), (0, 29), -0.1926, 0.0381),
        ((10, 10), (0, 10), -1.0, -0.6075),
    ],
)
def test_newcombe_agrees_with_published_values(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    assert newcombe(one, other, 0.95) == pytest.approx((low, high), abs=5e-5)


def test_holm_agrees_with_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_independent_samples_have_no_design_effect_and_whole_bad_seconds_have_a_large_one() -> None:
    draw = random.Random(1)
    tosses = [(sum(draw.random() < 0.9 for _ in range(20)), 20) for _ in range(400)]
    assert design_effect(tosses) == pytest.approx(1.0, abs=0.2)
    assert design_effect([(20, 20), (0, 20)] * 50) == pytest.approx(20, rel=0.05)
    assert design_effect([(20, 20)] * 5) == 1.0


@pytest.mark.parametrize("burst", [0.0, 0.05])
def test_of_two_runs_of_the_same_nothing_is_said_to_differ_but_once_in_twenty(burst: float) -> None:
    draw = random.Random(1998)
    false = sum(
        any(
            change in ("better", "worse")
            for change in changes(compare_runs(run(draw, burst=burst), run(draw, burst=burst))).values()
        )
        for _ in range(200)
    )
    assert false <= 0.05 * 200 + 6  # two standard deviations above what is allowed


def test_without_the_design_effect_bursts_would_be_taken_for_differences() -> None:
    """What the correction is for: the same runs, counted as if each request were a toss of its own."""
    draw = random.Random(1998)
    false = 0
    for _ in range(200):
        pair = [
            [
                (part.good, part.total)
                for event in run(draw, burst=0.05)
                if isinstance(event, Sampled)
                for part in event.values.values()
                if isinstance(part, Ratio)
            ]
            for _ in "ab"
        ]
        one, other = ((sum(good for good, _ in each), sum(total for _, total in each)) for each in pair)
        low, high = newcombe(one, other, 0.95)
        false += not low <= 0 <= high
    assert false > 0.1 * 200


def test_a_run_with_more_failures_is_worse_in_that_and_in_nothing_else() -> None:
    draw = random.Random(3)
    found = compare_runs(run(draw), run(draw, share=0.88))
    assert changes(found) == {"served": "worse", "in time": "no difference"}
    assert changes(compare_runs(run(draw, share=0.88), run(draw)))["served"] == "better"
    [worse] = found.worse
    assert worse.high < 0
    assert worse.adjusted >= worse.p


def test_a_slower_run_is_worse_in_its_quantile_alone() -> None:
    draw = random.Random(4)
    found = compare_runs(run(draw), run(draw, slower=1.3))
    assert changes(found) == {"served": "no difference", "in time": "worse"}
    [worse] = found.worse
    assert worse.a is not None
    assert worse.common is not None
    assert worse.b is not None
    assert worse.a < worse.common < worse.b


def test_a_quantile_that_is_never_reached_by_one_of_the_runs_is_worse() -> None:
    """More fail than the quantile leaves out, so the quantile of both together is "never" as well."""
    draw = random.Random(6)
    failing = [
        structs.replace(
            event, values={**event.values, TIME.name: Spread(Histogram.of([100.0] * 14 + [NEVER_MS] * 6), 0.95)}
        )
        if isinstance(event, Sampled)
        else event
        for event in run(draw)
    ]
    assert changes(compare_runs(run(draw), failing))["in time"] == "worse"


def test_many_kinds_of_requests_hide_no_objective() -> None:
    found = compare_runs(Synthetic().journal(), Synthetic(weakened=True, seed=8).journal())
    objectives = [each for each in found.differences if each.kind == "objective"]
    assert [each.adjusted for each in objectives] == holm([each.p for each in objectives])


def test_kinds_of_requests_are_compared_too_where_no_objective_says_the_same() -> None:
    healthy, weakened = Synthetic().journal(), Synthetic(weakened=True, seed=8).journal()
    found = compare_runs(healthy, weakened)
    told = changes(found)
    assert told["start success"] == "worse"
    assert "start: answered" not in told
    assert "start: 95th percentile" in told
    assert any(each.kind == "request" for each in found.differences)
    text = "\n".join(comparison_lines(found, ("one", "two"), (judge(healthy), judge(weakened))))
    assert "WORSE   start success" in text
    assert "B is worse in" in text


def test_what_makes_the_runs_unlike_is_told() -> None:
    healthy = Synthetic().journal()
    easier = structs.replace(START_SUCCESS, window="fault")
    other = Synthetic(objectives=(easier,)).journal()
    first = other[0]
    assert isinstance(first, RunStarted)
    other[0] = structs.replace(first, plan=structs.replace(first.plan, seed=1))
    notes = " ".join(compare_runs(healthy, other).notes)
    assert '"start success" is not compared: the runs measure different things by that name' in notes
    assert "the seeds differ" in notes
    assert "only A has" in notes


def test_runs_without_samples_of_the_same_cannot_be_compared() -> None:
    found = compare_runs(SKELETON, run(random.Random(1)))
    assert not found.comparable
    assert "Nothing could be compared" in "\n".join(
        comparison_lines(found, ("a", "b"), (judge(SKELETON), judge(SKELETON)))
    )


def test_the_pass_rate_has_an_interval_and_so_has_the_inconclusive_share() -> None:
    outcomes: list[Outcome] = ["held"] * 8
    told = {each.outcome: each for each in shares([*outcomes, "deviated", "inconclusive", "refused"])}
    assert (told["held"].count, told["held"].of) == (8, 10)
    assert (told["held"].low, told["held"].high) == pytest.approx((0.4902, 0.9433), abs=5e-5)
    assert told["inconclusive"].low < 0.1 < told["inconclusive"].high
    assert shares(["refused"]) == ()


def test_a_series_that_was_stopped_says_so_and_is_not_green() -> None:
    repeated = Repeated(
        experiment="x", wanted=3, kept=1, runs={1: "a"}, outcomes={1: "held", 2: "interrupted"},
        shares=shares(["held", "interrupted"]), stopped="stopped: run b is interrupted",
    )  # fmt: skip
    text = "\n".join(repeated_lines(repeated))
    assert "1 of 1 run held, 100% (95% interval 21% to 100%)" in text
    assert "2 of 3 gave no answer yet" in text
    assert repeated.exit_code == ExitCode.INTERRUPTED
