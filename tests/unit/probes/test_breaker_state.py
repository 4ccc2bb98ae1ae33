"""breaker_state reads the callers' own metrics."""

from __future__ import annotations

from chaos.model.sample import NoSample, Ratio
from chaos.probes.breaker_state import BreakerState
from tests.unit.probes.served import Listing, instance, says, serving

GATEWAY = """# HELP breaker_state 0 closed, 1 half-open, 2 open
# TYPE breaker_state gauge
breaker_state{caller="gateway",region="east",target="catalog"} 0.0
breaker_state{caller="gateway",region="west",target="catalog"} 2.0
breaker_state{caller="gateway",region="east",target="say \\"hi\\""} 1.0
breaker_state_created{caller="gateway",region="east",target="catalog"} 1.7e+09
requests_total{caller="gateway"} 12
"""
PLAYBACK = 'breaker_state{target="catalog",region="east",caller="playback"} 2\n'


def test_the_share_is_over_the_breakers_that_match() -> None:
    with serving(says(200, GATEWAY), says(200, PLAYBACK)) as at:
        listing = Listing(instance("gateway-1", at[0]), instance("playback-1", at[1]))
        assert BreakerState(state="open").sample(listing) == Ratio(2, 4)
        assert BreakerState(caller="gateway", state="open").sample(listing) == Ratio(1, 3)
        assert BreakerState(target="catalog", region="east").sample(listing) == Ratio(1, 2)
        assert BreakerState(target='say \\"hi\\"', state="half-open").sample(listing) == Ratio(1, 1)


def test_instances_that_do_not_answer_are_left_out() -> None:
    with serving(says(200, GATEWAY), says(200, PLAYBACK, after_seconds=0.3)) as at:
        listing = Listing(
            instance("gateway-1", at[0]),
            instance("playback-1", at[1]),
            instance("edge-1", "127.0.0.1:1", running=False),
        )
        assert BreakerState(timeout_ms=100, state="open").sample(listing) == Ratio(1, 3)


def test_no_breaker_is_no_sample() -> None:
    with serving(says(200, "breaker_state{caller=} x\nbreaker_state{} NaN\n")) as at:
        listing = Listing(instance("gateway-1", at[0]))
        assert isinstance(BreakerState().sample(listing), NoSample)
        assert isinstance(BreakerState(caller="nobody").sample(listing), NoSample)
    assert BreakerState().sample(Listing()) == NoSample("nothing runs")
