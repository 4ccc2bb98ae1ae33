"""The probes over a real Prometheus that scrapes a tiny exporter; its numbers are ours, so the answers are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from chaos.model.sample import NoSample, Ratio, Spread, upper_bound
from chaos.probes.promql import Promql
from chaos.probes.promql_quantile import PromqlQuantile
from chaos.probes.promql_ratio import PromqlRatio
from tests.prometheus import prometheus
from tests.unit.probes.served import Listing, serving

PORT = 25101
SCRAPE = """\
global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}
scrape_configs:
  - {{job_name: tiny, static_configs: [{{targets: ["{address}"]}}]}}
"""
NOWHERE = Listing()


class Tiny:
    """An exporter: each scrape sees ten more requests, one of which failed; all took between 100 and 200 ms."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0

    def metrics(self, path: str) -> tuple[int, str]:
        self.good += 9
        self.bad += 1
        total = self.good + self.bad
        return 200, "\n".join(
            [
                "# TYPE asked_total counter",
                f'asked_total{{status="200"}} {self.good}',
                f'asked_total{{status="500"}} {self.bad}',
                "# TYPE took_seconds histogram",
                'took_seconds_bucket{le="0.1"} 0',
                f'took_seconds_bucket{{le="0.2"}} {total}',
                f'took_seconds_bucket{{le="+Inf"}} {total}',
                f"took_seconds_sum {total * 0.15}",
                f"took_seconds_count {total}",
                'level{a="1"} 7',
                'level{a="2"} 1',
                "nothing NaN\n",
            ]
        )


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tiny = Tiny()
    with (
        serving(tiny.metrics) as (address,),
        prometheus(SCRAPE.format(address=address), tmp_path_factory.mktemp("prometheus"), PORT) as url,
    ):
        until(lambda: isinstance(Promql(query="sum(level)", url=url).sample(NOWHERE), Spread))
        yield url


def until(true: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 10
    while not true():
        assert time.monotonic() < ends_at, "in vain"
        time.sleep(0.05)


def values(measured: object) -> list[float]:
    assert isinstance(measured, Spread), measured
    return [round(upper_bound(bucket), 1) for bucket, count in measured.histogram.buckets.items() for _ in range(count)]


def test_an_instant_query_gives_its_number(url: str) -> None:
    assert values(Promql(query="sum(level)", url=url).sample(NOWHERE)) == pytest.approx([8.0], rel=0.02)
    assert values(Promql(query="scalar(sum(level))", url=url).sample(NOWHERE)) == pytest.approx([8.0], rel=0.02)


def test_a_range_query_gives_every_step_since_the_last_look(url: str) -> None:
    probe = Promql(query="sum(level)", url=url, step_seconds=0.1)
    assert len(values(probe.sample(NOWHERE))) == 1
    time.sleep(0.55)
    assert len(values(probe.sample(NOWHERE))) == pytest.approx(5, abs=1)


def test_a_ratio_is_that_of_what_was_counted_between_two_looks(url: str) -> None:
    probe = PromqlRatio(good='asked_total{status="200"}', total="asked_total", url=url)
    first = probe.sample(NOWHERE)
    assert first == NoSample("this look is the first")
    time.sleep(0.5)
    measured = probe.sample(NOWHERE)
    assert isinstance(measured, Ratio)
    assert measured.total in range(20, 90)
    assert measured.good == measured.total * 9 // 10


def test_a_quantile_is_histogram_quantiles_in_milliseconds(url: str) -> None:
    probe = PromqlQuantile(buckets="took_seconds_bucket", quantile=0.5, url=url, over_seconds=2)
    until(lambda: isinstance(probe.sample(NOWHERE), Spread))
    assert values(probe.sample(NOWHERE)) == pytest.approx([150.0], rel=0.02)


def test_what_it_cannot_answer_has_its_reason(url: str) -> None:
    def reason(query: str, step_seconds: float = 0.0) -> str:
        answer = Promql(query=query, url=url, step_seconds=step_seconds).sample(NOWHERE)
        assert isinstance(answer, NoSample)
        return answer.reason

    for step_seconds in (0.0, 0.1):
        assert "2 series where one is needed" in reason("level", step_seconds)
        assert reason("no_such_metric", step_seconds) == "the query gives no data"
        assert reason("nothing", step_seconds) == "the query gives no number"
        assert "parse error" in reason("sum(level", step_seconds)
    assert "gives no data" in str(PromqlRatio(good="level", total="no_such", url=url).sample(NOWHERE))
    assert "gives no data" in str(PromqlQuantile(buckets="no_such", quantile=0.5, url=url).sample(NOWHERE))
