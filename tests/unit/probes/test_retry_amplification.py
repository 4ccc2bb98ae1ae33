"""retry_amplification counts between two looks what callers sent for each call."""

from __future__ import annotations

from chaos.model.sample import NoSample, Spread
from chaos.probes.retry_amplification import RetryAmplification
from tests.unit.probes.served import Answer, Listing, instance, serving


def counting(*looks: tuple[float, float, float]) -> Answer:
    """At each look: attempts sent, attempts that a breaker held back, calls."""
    left = list(looks)

    def answer(path: str) -> tuple[int, str]:
        sent, held, calls = left.pop(0) if len(left) > 1 else left[0]
        attempts = 'call_attempts_total{caller="gateway",target="%s",region="east",outcome="%s"} %s\n'
        return 200, (
            attempts % ("recommendations", "status", sent / 2)
            + attempts % ("recommendations", "answered", sent / 2)
            + attempts % ("recommendations", "open", held)
            + attempts % ("catalog", "answered", 1e6)
            + f'calls_total{{target="recommendations",outcome="answered"}} {calls}\n'
            + 'call_attempts_created{caller="gateway",target="recommendations"} 1.7e+09\n'
        )

    return answer


def values(probe: RetryAmplification, listing: Listing, looks: int) -> list[float | None]:
    seen = [probe.sample(listing) for _ in range(looks)]
    return [each.histogram.value_at_rank(1) if isinstance(each, Spread) else None for each in seen]


def test_it_is_what_was_sent_for_each_call_since_the_last_look() -> None:
    with serving(counting((100, 7, 100), (130, 9, 110)), counting((50, 0, 50), (60, 0, 60))) as at:
        listing = Listing(instance("gateway-1", at[0]), instance("gateway-2", at[1]), instance("edge-1", at[0]))
        first, second = values(RetryAmplification(caller="gateway", target="recommendations"), listing, 2)
        assert first is None
        assert second is not None
        assert 2.0 <= second <= 2.04  # 40 for 20, and a histogram's bucket is 2 % wide


def test_a_look_with_few_calls_counts_in_the_next() -> None:
    with serving(counting((10, 0, 10), (13, 0, 12), (22, 0, 16))) as at:
        listing = Listing(instance("gateway-1", at[0]))
        seen = values(RetryAmplification(caller="gateway", target="recommendations"), listing, 3)
        assert seen[:2] == [None, None]
        assert seen[2] is not None
        assert 2.0 <= seen[2] <= 2.04


def test_a_restarted_caller_counts_from_its_start() -> None:
    with serving(counting((1000, 0, 1000), (15, 0, 10))) as at:
        [_, second] = values(
            RetryAmplification(caller="gateway", target="recommendations"), Listing(instance("gateway-1", at[0])), 2
        )
        assert second is not None
        assert 1.5 <= second <= 1.53


def test_who_cannot_be_asked_is_no_sample() -> None:
    probe = RetryAmplification(caller="gateway", target="recommendations")
    assert probe.sample(Listing()) == NoSample("nothing runs")
    assert isinstance(probe.sample(Listing(instance("edge-1", "127.0.0.1:1"))), NoSample)
    assert isinstance(probe.sample(Listing(instance("gateway-1", "127.0.0.1:1"))), NoSample)
