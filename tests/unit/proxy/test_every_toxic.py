"""What holds for every toxic, and what each of those that need no sockets does."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.proxy.chain import Chain
from chaos.proxy.toxics import Chunk, Ending, Runtime, Stage, Toxic, toxic_type, toxic_types
from chaos.proxy.toxics.bandwidth import Bandwidth
from chaos.proxy.toxics.limit_data import LimitData
from chaos.proxy.toxics.loss_stall import LossStall
from chaos.proxy.toxics.packet_loss import PacketLoss
from chaos.proxy.toxics.reset_peer import ResetPeer
from chaos.proxy.toxics.slicer import Slicer
from chaos.proxy.toxics.slow_close import SlowClose
from chaos.proxy.toxics.timeout import Timeout
from tests.examples import examples
from tests.unit.proxy.fake_time import Line, Time, on, watched

NEEDED: dict[str, dict[str, Any]] = {
    "bandwidth": {"rate": 1},
    "slicer": {"average_size": 3, "delay": 500},
    "http_body": {"truncate": 5},
}
"""What has no harmless default."""
LOSES = {"timeout", "reset_peer", "limit_data", "packet_loss"}
"""Those that take bytes away: they are for that."""
ACTIONS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=40),
        st.integers(min_value=0, max_value=300),
        st.sampled_from(["update"]),
    ),
    max_size=30,
)


def of(name: str) -> Toxic:
    found = toxic_type(name)
    assert found is not None
    return found(**NEEDED.get(name, {}))


def data(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk for chunk in chunks if isinstance(chunk, bytes))


def test_every_file_of_the_folder_is_a_toxic() -> None:
    assert {"latency", "noop", "slicer", "http_status"} <= set(toxic_types())
    for name in toxic_types():
        found = of(name)
        assert found.stages(cast(Runtime, Time()), found.STREAMS[0])
        assert all(isinstance(getattr(found, each), int | float) for each in found.MAGNITUDES)
        assert set(found.OURS) <= set(found.__struct_fields__)
        assert type(found).__doc__
    assert toxic_type("no_such_toxic") is None
    assert toxic_type("../latency") is None


@pytest.mark.parametrize("name", [each for each in toxic_types() if each not in LOSES and "tcp" in of(each).PROTOCOLS])
@settings(max_examples=examples(30))
@given(actions=ACTIONS, seed=st.integers(0, 99))
def test_no_byte_is_lost_moved_or_doubled(name: str, actions: list[Any], seed: int) -> None:
    time, line = Time(seed), Line()
    toxic = of(name)
    stages = toxic.stages(cast(Runtime, time), toxic.STREAMS[0])
    stage = stages[toxic.STREAMS[0]]
    passed = watched(stage, line)
    given_in: list[Chunk] = []
    for action in [*actions, Ending.EOF]:
        if isinstance(action, int):
            time.pass_ms(action)
        elif action == "update":
            stage.update(toxic)
        else:
            given_in.append(action)
            stage.take(action)
        held = len(data(given_in)) - len(data(passed))
        assert stage.held_bytes <= held
        assert data(given_in).startswith(data(passed))
    stage.release()
    assert (data(passed), passed[-1]) == (data(given_in), Ending.EOF)
    assert (stage.held_bytes, line.done) == (0, [])
    time.pass_ms(100_000)
    assert len(data(passed)) == len(data(given_in)), "nothing comes twice"


LOSSLESS = [each for each in toxic_types() if each not in LOSES and "tcp" in of(each).PROTOCOLS]


@settings(max_examples=examples(60))
@given(
    acts=st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["add", "remove", "update"]), st.sampled_from(LOSSLESS)),
            st.tuples(st.just("data"), st.binary(min_size=1, max_size=30)),
            st.tuples(st.just("wait"), st.integers(0, 250)),
        ),
        max_size=40,
    ),
    seed=st.integers(0, 99),
)
def test_no_byte_is_lost_while_toxics_come_change_and_go_in_any_order(acts: list[Any], seed: int) -> None:
    time, sent = Time(seed), bytearray()
    arrived = bytearray()
    chain = Chain(arrived.extend)
    for act, value in [*acts, *(("remove", name) for name in LOSSLESS)]:
        stage = chain.stage(str(value))
        if act == "data":
            sent += value
            chain.take(value)
        elif act == "wait":
            time.pass_ms(value)
        elif act == "remove":
            chain.remove(value)
        elif stage is not None:
            toxic = of(value)
            smaller = toxic.scaled(0.5) if act == "update" else toxic
            if not stage.update(smaller):
                chain.replace(value, fresh(smaller, time))
        else:
            chain.add(value, fresh(of(value), time))
        assert sent.startswith(arrived)
    assert arrived == sent


def fresh(toxic: Toxic, time: Time) -> Stage:
    stage = toxic.stages(cast(Runtime, time), toxic.STREAMS[0])[toxic.STREAMS[0]]
    stage.line = Line()
    return stage


@pytest.mark.parametrize("name", [each for each in toxic_types() if of(each).MAGNITUDES])
def test_a_share_of_a_toxic_is_a_toxic(name: str) -> None:
    toxic = of(name)
    for share in (0.02, 0.5, 0.98):
        msgspec.convert(msgspec.structs.asdict(toxic.scaled(share)), type(toxic))
    assert toxic.scaled(1.0) == toxic


@given(sent=st.lists(st.binary(min_size=1, max_size=50), max_size=8), limit=st.integers(0, 120))
def test_a_limit_of_data_lets_exactly_so_many_bytes_pass(sent: list[bytes], limit: int) -> None:
    line = Line()
    stage, passed = on(LimitData(bytes=limit), Time(), line)
    for chunk in sent:
        stage.take(chunk)
    assert data(passed) == b"".join(sent)[:limit]
    is_over = bool(sent) and len(b"".join(sent)) >= limit
    assert line.done == passed[len(passed) - is_over :] == [Ending.EOF] * is_over, "both ends are told, once"


def test_who_does_not_end_at_a_limit_of_data_is_closed_after_a_while_or_when_the_toxic_goes() -> None:
    for is_removed in (False, True):
        time, line = Time(), Line()
        stage, passed = on(LimitData(bytes=1), time, line)
        stage.take(b"ab")
        stage.take(b"dropped")
        if is_removed:
            stage.release()
        time.pass_ms(5001)
        assert (passed, line.done) == ([b"a", Ending.EOF], [Ending.EOF, "close"])


def test_a_limit_of_data_goes_on_counting_when_it_is_changed() -> None:
    line = Line()
    stage, passed = on(LimitData(bytes=10), Time(), line)
    stage.take(b"12345")
    assert stage.update(LimitData(bytes=7))
    stage.take(b"6789")
    assert (passed, line.done) == ([b"12345", b"67", Ending.EOF], [Ending.EOF])


@given(average=st.integers(1, 50), share=st.floats(0, 0.99), size=st.integers(1, 300))
def test_slices_are_of_the_size_that_was_asked_for(average: int, share: float, size: int) -> None:
    variation = int(average * share)
    stage, passed = on(Slicer(average_size=average, size_variation=variation), Time())
    stage.take(sent := bytes(number % 256 for number in range(size)))
    assert data(passed) == sent
    assert all(average - variation <= len(cast(bytes, piece)) <= average + variation for piece in passed[:-1])
    assert len(cast(bytes, passed[-1])) <= average + variation


def test_slices_come_with_a_pause_between_them() -> None:
    time = Time()
    stage, passed = on(Slicer(average_size=2, delay=10_000), time)
    stage.take(b"abcdef")
    stage.take(Ending.EOF)
    counts = []
    for _ in range(4):
        counts.append(len(passed))
        time.pass_ms(10.1)
    assert counts == [1, 2, 3, 4]
    assert passed == [b"ab", b"cd", b"ef", Ending.EOF]


@pytest.mark.parametrize("wrong", [{}, {"average_size": 5, "size_variation": 5}, {"average_size": -1}])
def test_slices_of_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="average_size"):
        Slicer(**wrong)


def test_packets_are_lost_at_the_rate_and_in_bursts_when_they_are_correlated() -> None:
    def lost(toxic: PacketLoss) -> list[bool]:
        stage, passed = on(toxic, Time(7))
        found = []
        for _ in range(4000):
            stage.take(b"x")
            found.append(not passed)
            passed.clear()
        return found

    alone, bursts = lost(PacketLoss(loss_rate=0.1)), lost(PacketLoss(loss_rate=0.1, correlation=0.5))
    assert 340 < sum(alone) < 460
    pairs = sum(one and other for one, other in itertools.pairwise(bursts))
    assert 0.5 < pairs / sum(bursts) < 0.7, "after a lost one six of ten are"
    stage, passed = on(PacketLoss(loss_rate=1), Time())
    stage.take(b"x")
    stage.take(Ending.EOF)
    assert passed == [Ending.EOF]
    for wrong in ({"loss_rate": 1.1}, {"correlation": -0.1}):
        with pytest.raises(ValueError, match="between 0 and 1"):
            PacketLoss(**wrong)


def test_a_lost_packet_stalls_what_it_is_in_and_all_that_follows() -> None:
    time = Time()
    stage, passed = on(LossStall(loss_rate=1, stall=200), time)
    stage.take(b"lost")
    assert stage.update(LossStall(loss_rate=0))
    stage.take(b"behind")
    stage.take(Ending.EOF)
    time.pass_ms(199)
    assert (passed, stage.held_bytes) == ([], 10)
    time.pass_ms(2)
    assert passed == [b"lost", b"behind", Ending.EOF]
    stage.take(b"at once")
    assert passed[-1] == b"at once"


def test_large_chunks_hold_more_packets_to_lose() -> None:
    def stalls(size: int) -> int:
        time = Time(5)
        stage, passed = on(LossStall(loss_rate=0.01), time)
        count = 0
        for _ in range(500):
            stage.take(bytes(size))
            count += not passed
            time.pass_ms(201)
            passed.clear()
        return count

    assert stalls(100) < 15
    assert 150 < stalls(65_536) < 230, "46 packets: 37 of 100"


def test_a_timer_that_rings_late_does_not_make_a_line_slower() -> None:
    time = Time()
    stage, passed = on(Bandwidth(rate=1000), time)
    stage.take(bytes(1_000_000))
    for _ in range(20):
        time.jump_ms(53)
    assert len(data(passed)) == 1_000_000, "a second's bytes in 1.06 s, with timers up to 53 ms late"


def test_a_line_that_stood_idle_makes_up_for_nothing() -> None:
    time = Time()
    stage, passed = on(Bandwidth(rate=10), time)
    time.pass_ms(5000)
    stage.take(bytes(1000))
    time.pass_ms(99)
    assert passed == []
    time.pass_ms(2)
    assert len(data(passed)) == 1000


def test_a_new_rate_counts_for_what_waits() -> None:
    time = Time()
    stage, passed = on(Bandwidth(rate=1), time)
    stage.take(bytes(10_000))
    time.pass_ms(101)
    assert stage.update(Bandwidth(rate=1000))
    time.pass_ms(120)
    assert len(data(passed)) == 10_000


def test_updates_move_the_moment_of_what_is_due() -> None:
    time = Time()
    lines = [Line(), Line()]
    hole, _ = on(Timeout(timeout=60_000), time, lines[0])
    reset, _ = on(ResetPeer(timeout=60_000), time, lines[1])
    slow, passed = on(SlowClose(delay=60_000), time)
    reset.take(b"x")
    slow.take(Ending.EOF)
    time.pass_ms(100)
    for stage, toxic in ((hole, Timeout(timeout=150)), (reset, ResetPeer(timeout=150)), (slow, SlowClose(delay=150))):
        assert stage.update(toxic)
    time.pass_ms(49)
    assert (lines[0].done, lines[1].done, passed) == ([], [], [])
    time.pass_ms(2)
    assert (lines[0].done, lines[1].done, passed) == (["close"], ["abort"], [Ending.EOF])
    time.pass_ms(1000)
    assert len(lines[0].done) == len(lines[1].done) == 1


def test_the_same_seed_draws_the_same() -> None:
    def passes(seed: int) -> list[Chunk]:
        time = Time(seed)
        stage, passed = on(PacketLoss(loss_rate=0.5), time)
        for number in range(64):
            stage.take(bytes([number]))
        return passed

    assert passes(4) == passes(4) != passes(5)
    assert Random(4).random() == Time(4).random.random()
