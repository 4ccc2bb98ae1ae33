"""Which objectives become rules, of what, and what is said of the others."""

from __future__ import annotations

import pytest

from chaos.judge.burn_rate import BURNS, Indicator, Rules, indicator, rules
from chaos.model.experiment import Objective, Operator, PluginUse, Threshold
from chaos.model.objectives import Objectives
from chaos.model.system import JSON


def objective(kind: str, operator: Operator, value: float, **parameters: JSON) -> Objective:
    return Objective(
        name="it works",
        probe=PluginUse(kind=kind, parameters=parameters),
        threshold=Threshold(operator, value, f"{operator} {value}"),
    )


def ratio(target: float = 0.99, operator: Operator = ">=", good: str = 'a_total{ok="y"}') -> Objective:
    return objective("promql_ratio", operator, target, good=good, total="a_total")


def quantile(milliseconds: float, buckets: str = "t_bucket", operator: Operator = "<") -> Objective:
    return objective("promql_quantile", operator, milliseconds, buckets=buckets, quantile=0.95)


def made(*objectives: Objective) -> Rules:
    return rules(Objectives(name="all", objectives=objectives))


def test_the_factors_follow_from_the_share_of_the_budget_and_the_window() -> None:
    hours = {"1h": 1, "6h": 6, "3d": 72}
    for burn in BURNS:
        spent = float(burn.spent.split()[0]) / 100
        assert burn.factor == pytest.approx(spent * 720 / hours[burn.long])


def test_a_ratio_is_good_of_total() -> None:
    assert indicator(ratio()) == Indicator(good='a_total{ok="y"}', total="a_total", target=0.99)


@pytest.mark.parametrize(
    ("buckets", "milliseconds", "good"),
    [
        ("t_bucket", 300, 't_bucket{le="0.3"}'),
        ('t_bucket{a="b"}', 300, 't_bucket{a="b", le="0.3"}'),
        ('t_bucket{a="{x}",}', 2.5, 't_bucket{a="{x}", le="0.0025"}'),
        ("t_bucket{}", 2000, 't_bucket{le=~"2(\\\\.0)?"}'),
    ],
)
def test_a_quantile_is_the_share_within_the_bound(buckets: str, milliseconds: float, good: str) -> None:
    found = indicator(quantile(milliseconds, buckets))
    assert isinstance(found, Indicator)
    assert (found.good, found.target) == (good, 0.95)
    assert 'le="+Inf"' in found.total


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (objective("load_ratio", ">=", 0.99, request="x"), "the probe load_ratio reads no counters of Prometheus"),
        (ratio(operator="<="), "leaves no error budget"),
        (quantile(300, operator=">="), "leaves no error budget"),
        (ratio(1.0), "nothing may ever fail"),
        (ratio(good="sum(a_total)"), "sum(a_total) is no plain selector"),
        (quantile(300, buckets="rate(t_bucket[5m])"), "is no plain selector"),
    ],
)
def test_what_cannot_be_a_rule_is_left_out_with_its_reason(wrong: Objective, said: str) -> None:
    found = made(wrong, ratio())
    assert len(found.groups) == 1
    (sentence,) = found.left_out
    assert said in sentence


def test_an_alert_that_could_never_fire_is_not_made() -> None:
    found = made(ratio(0.9))
    (group,) = found.groups
    assert [rule.labels["window"] for rule in group.rules if rule.alert] == ["6h", "3d"]
    (sentence,) = found.left_out
    assert "no alert at 14.4 times" in sentence


def test_the_same_objectives_give_the_same_rules() -> None:
    assert made(ratio(), quantile(300)) == made(ratio(), quantile(300))
