"""Error budgets, burn rates and the interval of the recovery time."""

from __future__ import annotations

import io

import pytest
from msgspec import structs

from chaos.cli.progress import Progress
from chaos.judge.budget import bad_of, burn_rate, spent_budgets
from chaos.judge.recovery import interval_text, recovery_times
from chaos.judge.story import tell
from chaos.judge.verdict import judge
from chaos.model.events import PhaseBegan, Sampled
from chaos.model.experiment import Operator, Threshold
from chaos.model.sample import Count, Histogram, Measurement, Ratio, Spread
from tests.unit.reports.synthetic import START_SUCCESS, Synthetic


def target(operator: Operator, value: float) -> Threshold:
    return Threshold(operator, value, f"{operator} {value}")


LATENCIES = Histogram.of([100.0] * 90 + [500.0] * 10)


@pytest.mark.parametrize(
    ("measured", "threshold", "bad", "rate"),
    [
        (Ratio(98, 100), target(">=", 0.99), 2, 2.0),
        (Ratio(100, 100), target(">=", 0.99), 0, 0.0),
        (Ratio(3, 100), target("<=", 0.01), 3, 3.0),
        (Spread(LATENCIES, 0.95), target("<", 300.0), 10, 2.0),
        (Spread(LATENCIES, 0.05), target(">", 300.0), 90, 18.0),
        (Ratio(90, 100), target(">=", 1.0), 10, None),  # nothing may fail: there is no budget
        (Count(3, 100), target("<=", 0.0), 0, None),
        (Ratio(0, 0), target(">=", 0.99), 0, None),
    ],
)
def test_a_burn_rate_is_what_went_wrong_by_what_may(
    measured: Measurement, threshold: Threshold, bad: int, rate: float | None
) -> None:
    assert bad_of(measured, threshold) == bad
    assert burn_rate(measured, threshold) == (None if rate is None else pytest.approx(rate))


def test_a_run_tells_what_it_spent_and_how_fast_at_worst() -> None:
    weakened = Synthetic(weakened=True).journal()
    healthy, spoilt = (spent_budgets(tell(events))[0] for events in (Synthetic().journal(), weakened))
    assert healthy.rate < 1 < spoilt.rate < spoilt.peak
    assert spoilt.rate == pytest.approx(spoilt.bad / spoilt.total / 0.02)
    [finding] = [each.text for each in judge(weakened).findings if '"start success" spent' in each.text]
    assert f"({spoilt.bad:,} of {spoilt.total:,})" in finding


def test_the_living_line_says_when_the_budget_burns_too_fast() -> None:
    stream = io.StringIO()
    progress = Progress(stream, Synthetic().plan())
    progress.on_event(PhaseBegan(at=0.0, phase="method"))
    for second in range(11):
        at = float(second)
        progress.on_event(Sampled(at=at, of=at, values={START_SUCCESS.name: Ratio(9, 10), "other": Ratio(1, 2)}))
    assert "start success: 90.0% (burns 5.0 times); other: 50.0%" in stream.getvalue()


def test_the_interval_of_a_recovery_time_holds_the_truth_and_narrows_with_more_users() -> None:
    """The synthetic weakened system is bad for some four seconds after the revert."""
    widths = []
    for per_second in (60, 600):
        made = Synthetic(weakened=True, per_second=per_second, objectives=(START_SUCCESS,))
        [seen] = recovery_times(tell(made.journal()))
        assert seen.seconds is not None
        assert seen.high is not None
        assert seen.low <= seen.seconds <= seen.high
        widths.append(seen.high - seen.low)
    assert widths[1] < widths[0]


def test_few_samples_do_not_show_when_it_was_back() -> None:
    strict = structs.replace(START_SUCCESS, threshold=Threshold(">=", 0.999, ">= 99.9%"))
    [seen] = recovery_times(tell(Synthetic(objectives=(strict,)).journal()))
    assert seen.high is None
    assert interval_text(seen).endswith("or more")
