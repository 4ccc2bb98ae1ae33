"""The probes that read the load generator's report."""

from __future__ import annotations

import msgspec
import pytest

from chaos.model.probe import LoadProbe
from chaos.model.sample import NEVER_MS, Count, Histogram, LoadStream, NoSample, Ratio, Spread
from chaos.probes.load_count import LoadCount
from chaos.probes.load_quantile import LoadQuantile
from chaos.probes.load_ratio import LoadRatio
from chaos.probes.load_value import LoadValue


def _stream(request: str, region: str, good: list[float], failures: int = 0) -> LoadStream:
    return LoadStream(
        second=1,
        request=request,
        region=region,
        count=len(good) + failures,
        failures=failures,
        histogram=Histogram.of(good),
    )


STREAMS = [
    _stream("home", "east", [10.0] * 90),
    _stream("home", "west", [100.0] * 6, failures=4),
    _stream("play", "east", [1.0], failures=9),
]


def test_ratio_is_the_share_that_succeeded() -> None:
    assert LoadRatio(request="home").reduce(STREAMS) == Ratio(96, 100)
    assert LoadRatio(request="home", region="west").reduce(STREAMS) == Ratio(6, 10)


def test_quantile_is_over_all_requests_of_the_kind() -> None:
    spread = LoadQuantile(request="home", quantile=0.95).reduce(STREAMS)
    assert isinstance(spread, Spread)
    assert (spread.quantile, spread.histogram.total) == (0.95, 100)
    assert spread.histogram.value_at_rank(90) == pytest.approx(10, rel=0.02)
    assert spread.histogram.value_at_rank(95) == pytest.approx(100, rel=0.02)


def test_failing_fast_does_not_improve_a_latency() -> None:
    slow = LoadQuantile(request="home", quantile=0.95).reduce([_stream("home", "", [10.0] * 90 + [900.0] * 10)])
    failing = LoadQuantile(request="home", quantile=0.95).reduce([_stream("home", "", [10.0] * 90, failures=10)])
    assert isinstance(slow, Spread)
    assert isinstance(failing, Spread)
    assert slow.histogram.value_at_rank(95) == pytest.approx(900, rel=0.02)
    assert failing.histogram.value_at_rank(95) >= NEVER_MS


def test_a_count_is_of_all_that_happened() -> None:
    assert LoadCount(request="home").reduce(STREAMS) == Count(4, 100)
    assert LoadCount(request="home", outcome="successes").reduce(STREAMS) == Count(96, 100)
    assert LoadCount(request="home", region="east").reduce(STREAMS) == Count(0, 90)


@pytest.mark.parametrize(
    "probe", [LoadRatio(request="x"), LoadQuantile(request="x", quantile=0.5), LoadCount(request="x")]
)
def test_no_request_means_no_sample(probe: LoadProbe) -> None:
    assert isinstance(probe, LoadProbe)
    assert probe.reduce(STREAMS) == NoSample("no request 'x' was made")


def test_nobody_in_the_region_is_told_as_such() -> None:
    assert LoadRatio(request="home", region="north").reduce(STREAMS) == NoSample("no request 'home' was made in north")


def test_a_value_is_a_quantile_of_what_users_report() -> None:
    streams = [_stream("bitrate_kbps", "east", [300.0] * 9), _stream("bitrate_kbps", "west", [1400.0] * 1)]
    spread = LoadValue(measure="bitrate_kbps", quantile=0.9).reduce(streams)
    assert isinstance(spread, Spread)
    assert spread.histogram.value_at_rank(9) == pytest.approx(300, rel=0.02)
    assert spread.histogram.value_at_rank(10) == pytest.approx(1400, rel=0.02)
    only = LoadValue(measure="bitrate_kbps", quantile=0.5, region="west").reduce(streams)
    assert isinstance(only, Spread)
    assert only.histogram.total == 1
    none = LoadValue(measure="bitrate_kbps", quantile=0.5, region="north").reduce(streams)
    assert none == NoSample("no 'bitrate_kbps' was reported in north")


@pytest.mark.parametrize("quantile", [0, 1, 95])
def test_a_quantile_is_a_share_between_0_and_1(quantile: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"request": "home", "quantile": quantile}, LoadQuantile)
