"""What `chaos plan` says about the power of a run: against simulation by the judge itself."""

from __future__ import annotations

import random

import pytest
from msgspec import structs

from chaos.cli.plan_text import plan_text
from chaos.cli.power_text import effect_lines
from chaos.judge.exposure import exposure, planned_window, yields
from chaos.judge.objectives import compare, estimate, judge_objective
from chaos.judge.power import POWERS, deviates_below, holds_from, needed_samples, prospects
from chaos.judge.story import tell
from chaos.model.experiment import Load, Objective, Operator, PluginUse, Stretch, Threshold
from chaos.model.sample import Histogram, Ratio, Spread
from tests.unit.reports.synthetic import START_SUCCESS, START_UP_TIME, Synthetic

TOLERATED = 0.03
RUNS = 1500


def share(operator: Operator = ">=", value: float = 0.98) -> Objective:
    threshold = Threshold(operator, value, f"{operator} {value:.0%}")
    return Objective(name="s", probe=PluginUse(kind="load_ratio", parameters={"request": "r"}), threshold=threshold)


def simulated(objective: Objective, samples: int, true_share: float, answer: str) -> float:
    """How often the judge gives this answer, of so many runs."""
    draw = random.Random(42)
    seen = 0
    for _ in range(RUNS):
        met = sum(draw.random() < true_share for _ in range(samples))
        measured: Ratio | Spread = Ratio(met if objective.threshold.operator == ">=" else samples - met, samples)
        if objective.probe.kind == "load_quantile":
            measured = Spread(Histogram({500: met, 900: samples - met}), 0.95)
        seen += compare(estimate(measured), objective.threshold) == answer
    return seen / RUNS


@pytest.mark.parametrize("objective", [share(), share("<=", 0.02), START_UP_TIME], ids=["share", "errors", "quantile"])
@pytest.mark.parametrize("power", POWERS)
def test_the_effect_that_is_promised_to_be_called_is_called_as_often(objective: Objective, power: float) -> None:
    worse = deviates_below(objective, 200, power)
    assert worse is not None
    assert simulated(objective, 200, worse, "deviated") == pytest.approx(power, abs=TOLERATED)
    assert simulated(objective, 200, min(1.0, worse + 0.02), "deviated") < power - TOLERATED


@pytest.mark.parametrize("objective", [share(value=0.9), START_UP_TIME], ids=["share", "quantile"])
def test_the_health_that_is_promised_to_be_called_held_is(objective: Objective) -> None:
    better = holds_from(objective, 200, 0.8)
    assert better is not None
    assert simulated(objective, 200, better, "held") == pytest.approx(0.8, abs=TOLERATED)


@pytest.mark.parametrize(("true_share", "answer"), [(0.93, "deviated"), (0.999, "held")])
def test_so_many_samples_are_needed_and_half_of_them_are_not_enough(true_share: float, answer: str) -> None:
    needed = needed_samples(share(), true_share, 0.8)
    assert needed is not None
    assert simulated(share(), needed, true_share, answer) >= 0.8 - TOLERATED
    assert simulated(share(), needed // 2, true_share, answer) < 0.8 - TOLERATED


def test_nobody_can_tell_a_system_that_lies_on_the_target() -> None:
    assert needed_samples(share(), 0.98, 0.8) is None


def test_what_so_few_samples_can_never_say_has_no_effect_to_name() -> None:
    assert holds_from(share(), 188, 0.8) is None
    assert needed_samples(share(), 1.0, 0.5) == 189  # 189 / (189 + 1.96²) is the first above 98 %
    assert deviates_below(share(value=0.02), 20, 0.8) is None


def test_an_arrival_is_a_sample_until_an_earlier_run_has_told() -> None:
    synthetic = Synthetic(objectives=(START_SUCCESS,))
    story = tell(synthetic.journal())
    [guessed] = prospects(synthetic.plan(), {})
    assert guessed.samples == pytest.approx(4.0 * guessed.seconds)
    [told] = prospects(synthetic.plan(), yields(story))
    measured = judge_objective(START_SUCCESS, story).estimate
    assert measured is not None
    begin, end = story.run_window
    assert told.samples == pytest.approx(measured.count * told.seconds / (end - begin))
    assert told.measured
    assert not guessed.measured


def test_the_shape_of_the_load_and_the_window_count() -> None:
    plan = Synthetic().plan()
    shape = (Stretch(seconds=15.0, begin=4.0, end=4.0), Stretch(seconds=10.0, begin=4.0, end=8.0))
    load = structs.replace(plan.experiment.load or Load(locustfile="viewers"), shape=shape, warm_up_seconds=5.0)
    plan = structs.replace(plan, experiment=structs.replace(plan.experiment, load=load))
    begin, end = planned_window("run", plan)
    flat = structs.replace(START_SUCCESS, window="run")
    assert exposure(flat, plan) == pytest.approx(4 * 10 + 6 * 10 + 8 * (end - begin - 20))


def test_a_plan_warns_of_an_objective_that_cannot_be_decided() -> None:
    plan = Synthetic().plan()
    expected = prospects(plan, {})
    text = plan_text(plan, expected)
    assert "about 200 samples within 50 s: called deviated (probability 80% / 95%) when 94.9% / 93.5% or" in text
    assert "held when" in text
    few = prospects(plan, {"start success": 0.5})
    assert few[0].warning.startswith("about 100 samples in its window are too few: a perfect system needs 189")
    assert "about 94 s of it" in few[0].warning
    assert "WARNING: it cannot be decided" in plan_text(plan, few)


def test_min_samples_that_will_not_come_are_a_warning_too() -> None:
    asked = structs.replace(START_UP_TIME, min_samples=500)
    plan = Synthetic(objectives=(asked,)).plan()
    assert "fewer than minSamples asks for (500)" in prospects(plan, {})[0].warning


def test_users_in_a_closed_loop_ask_as_often_as_they_are_answered_so_nothing_is_promised() -> None:
    plan = Synthetic().plan()
    closed = Load(locustfile="viewers", users=20)
    plan = structs.replace(plan, experiment=structs.replace(plan.experiment, load=closed))
    assert prospects(plan, {})[0].samples is None
    assert "nobody knows how many samples" in plan_text(plan, prospects(plan, {}))


def test_how_long_an_effect_takes_is_said_for_each_objective() -> None:
    plan = Synthetic().plan()
    lines = "\n".join(effect_lines(plan, prospects(plan, {}), 0.93))
    assert "start success: about 100 samples, 25 s with a probability of 80%" in lines
    assert "start-up time" in lines
