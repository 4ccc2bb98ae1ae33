"""Toxics that come and go by the clock, and those that are only for some connections."""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from random import Random
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chaos.proxy.client_hello import Unread, matches, server_name
from chaos.proxy.presence import Presence
from chaos.proxy.schedule import Schedule
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Chunk, Ending, Runtime
from chaos.proxy.toxics.http_body import HttpBody
from chaos.proxy.toxics.latency import Latency
from chaos.proxy.toxics.timeout import Timeout
from tests.unit.proxy.carried import Carried, carried, run
from tests.unit.proxy.fake_time import Line, Time, watched

TIMES = st.integers(min_value=0, max_value=3000)


@functools.cache  # loading the certificates of the system takes a while
def client_hello(name: str | None) -> bytes:
    """What a real client sends first."""
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def scheduled(schedule: Schedule, time: Time, ms: int = 100) -> tuple[Presence, list[Chunk]]:
    presence = Presence(Latency(latency=ms), "downstream", cast(Runtime, time), wall=time.now)
    passed = watched(presence.slots["downstream"])
    presence.begin(schedule, since=time.now())
    return presence, passed


def test_it_begins_after_a_while_and_ends_after_its_duration() -> None:
    schedule = Schedule(start_after=100, duration=50)
    assert [schedule.share(ms) for ms in (0, 99, 100, 149, 150, 10_000)] == [0, 0, 1, 1, 0, 0]
    assert [schedule.next_change_ms(ms) for ms in (0, 120, 150)] == [100, 30, None]


def test_it_pulses() -> None:
    schedule = Schedule(on=30, off=70)
    assert [schedule.share(ms) for ms in (0, 29, 30, 99, 100, 131)] == [1, 1, 0, 0, 1, 0]
    assert [schedule.next_change_ms(ms) for ms in (0, 30, 129)] == [30, 70, 1]


def test_it_grows_in_steps_from_little_to_all() -> None:
    schedule = Schedule(ramp=1000)
    shares = [schedule.share(ms) for ms in range(0, 1001, 20)]
    assert shares == sorted(shares)
    assert 0 < shares[0] <= 0.02
    assert shares[-1] == 1 > shares[-2] > 0.95
    assert len(set(shares)) == len(shares)


@settings(deadline=None)
@example(
    Schedule(ramp=2167)
)  # a step of 43.34 ms began at 216.7 ms by one way of computing it, and just after by another
@given(st.builds(lambda s, d, n, r: Schedule(s, d, n, n and 40, r), TIMES, TIMES, st.sampled_from([0, 30]), TIMES))
def test_nothing_changes_before_it_is_said_to(schedule: Schedule) -> None:
    at_ms, changes = 0.0, 0
    while (wait_ms := schedule.next_change_ms(at_ms)) is not None and changes < 60:
        assert wait_ms > 0
        assert schedule.share(at_ms) == schedule.share(at_ms + wait_ms * 0.49) == schedule.share(at_ms + wait_ms * 0.98)
        at_ms = round(at_ms + wait_ms, 6)
        changes += 1


@pytest.mark.parametrize("wrong", [{"on": 5}, {"off": 5}, {"start_after": -1}])
def test_a_schedule_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"pulse|milliseconds"):
        Schedule(**wrong)


def test_while_it_is_absent_all_passes_at_once_and_what_it_held_comes_when_it_goes() -> None:
    time = Time()
    presence, passed = scheduled(Schedule(on=50, off=50), time)
    slot = presence.slots["downstream"]
    slot.take(b"held")
    assert (passed, slot.held_bytes) == ([], 4)
    time.pass_ms(51)
    slot.take(b"at once")
    assert (passed, slot.held_bytes) == ([b"held", b"at once"], 0)
    time.pass_ms(50)
    slot.take(b"held again")
    assert len(passed) == 2
    slot.release()
    assert passed[2:] == [b"held again"]
    time.pass_ms(1000)
    slot.take(b"gone for good")
    assert passed[3:] == [b"gone for good"]


def test_a_ramp_lets_the_delay_grow_without_delivering_early() -> None:
    time = Time()
    presence, passed = scheduled(Schedule(ramp=1000), time, ms=1000)
    slot = presence.slots["downstream"]
    slot.take(b"early")
    time.pass_ms(30)
    assert passed == [b"early"], "little at first"
    time.pass_ms(500)
    slot.take(b"half way")
    time.pass_ms(450)
    assert passed == [b"early"]
    time.pass_ms(1000)
    slot.take(b"late")
    time.pass_ms(990)
    assert passed == [b"early", b"half way"]
    time.pass_ms(20)
    assert passed == [b"early", b"half way", b"late"]


def test_an_update_waits_until_it_is_there_again() -> None:
    time = Time()
    presence, passed = scheduled(Schedule(on=500, off=50), time)
    slot = presence.slots["downstream"]
    assert slot.update(Latency(latency=10))
    slot.take(b"a")
    time.pass_ms(11)
    assert passed == [b"a"]
    time.pass_ms(500)
    assert slot.update(Latency(latency=20))
    slot.take(b"b")
    assert passed == [b"a", b"b"]
    time.pass_ms(60)
    slot.take(b"c")
    time.pass_ms(15)
    assert passed == [b"a", b"b"]
    time.pass_ms(6)
    assert passed == [b"a", b"b", b"c"]


def test_a_black_hole_by_schedule_closes_what_lost_bytes() -> None:
    time, line = Time(), Line()
    presence = Presence(Timeout(), "upstream", cast(Runtime, time), wall=time.now)
    passed = watched(presence.slots["upstream"], line)
    presence.begin(Schedule(duration=100), since=time.now())
    presence.slots["upstream"].take(b"lost")
    time.pass_ms(101)
    assert (passed, line.done) == ([], ["close"])


def test_an_answer_that_is_being_changed_is_changed_to_its_end() -> None:
    time, line = Time(), Line()
    presence = Presence(HttpBody(truncate=4), "downstream", cast(Runtime, time), wall=time.now)
    up, down = presence.slots["upstream"], presence.slots["downstream"]
    watched(up)
    passed = watched(down, line)
    presence.begin(Schedule(duration=100), since=time.now())
    up.take(b"GET / HTTP/1.1\r\n\r\n")
    down.take(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01")
    time.pass_ms(150)
    down.take(b"23456789")
    time.pass_ms(20)
    down.take(b"what follows")
    said = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n01"
    assert (passed, line.done) == ([said, b"23", b"what follows"], [])


@pytest.mark.parametrize("size", [1, 3, 100, 10_000])
def test_the_server_that_a_client_names_is_read_whatever_the_pieces(size: int) -> None:
    hello = client_hello("Shop.Example.org")
    said = [server_name(hello[:end]) for end in range(0, len(hello), size)] + [server_name(hello)]
    assert said[-1] == "shop.example.org"
    assert set(said[:-1]) <= {Unread.INCOMPLETE}
    assert server_name(hello + b"and more") == "shop.example.org"


def test_a_hello_in_many_records_is_put_together() -> None:
    body = client_hello("a.example")[5:]
    records = [body[at : at + 50] for at in range(0, len(body), 50)]
    text = b"".join(b"\x16\x03\x01" + len(each).to_bytes(2) + each for each in records)
    assert server_name(text) == "a.example"
    assert server_name(text[:-1]) is Unread.INCOMPLETE


@pytest.mark.parametrize(
    "text", [b"GET / HTTP/1.1\r\n\r\n", b"\x17\x03\x03\x00\x05hello", b"\x16\x03\x01\x00\x04\x02abc"]
)
def test_what_is_no_hello_names_nobody(text: bytes) -> None:
    assert server_name(text) is Unread.NONE


def test_a_hello_without_a_name_names_nobody() -> None:
    assert server_name(client_hello(None)) is Unread.NONE


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(min_value=0, max_value=250))
def test_random_and_broken_bytes_never_raise(noise: bytes, cut: int) -> None:
    assert server_name(noise) is not None
    hello = client_hello("a.example")
    assert server_name(hello[:cut] + noise + hello[cut + len(noise) :]) is not None


def test_names_match_as_in_certificates() -> None:
    assert matches("a.example.org", ("*.example.org",))
    assert matches("a.example.org", ("b", "A.Example.ORG"))
    assert not matches("a.b.example.org", ("*.example.org",))
    assert not matches("example.org", ("*.example.org",))


def named(**fields: Any) -> NamedToxic:
    return NamedToxic(
        name="slow",
        type="latency",
        stream=fields.pop("stream", "downstream"),
        toxicity=fields.pop("toxicity", 1.0),
        attributes=Latency(latency=fields.pop("ms", 100)),
        **fields,
    )


@pytest.mark.parametrize(
    ("sent", "slow"),
    [(client_hello("a.example"), True), (client_hello("b.example"), False), (b"HELO a.example", False)],
)
def test_a_toxic_for_a_server_is_only_on_connections_to_that_one(sent: bytes, slow: bool) -> None:
    time = Time()
    stages = named(sni=("a.example",), stream="both").stages(cast(Runtime, time))
    up, down = watched(stages["upstream"]), watched(stages["downstream"])
    for at in range(0, len(sent), 60):
        stages["upstream"].take(sent[at : at + 60])
    stages["downstream"].take(b"answer")
    assert (b"".join(each for each in up if isinstance(each, bytes)) == sent) is not slow
    assert (down == [b"answer"]) is not slow
    time.pass_ms(101)
    assert b"".join(each for each in up if isinstance(each, bytes)) == sent
    assert down == [b"answer"]


def test_a_client_that_ends_in_the_middle_of_its_hello_is_passed_on() -> None:
    stages = named(sni=("a.example",)).stages(cast(Runtime, Time()))
    passed = watched(stages["upstream"])
    start = client_hello("a.example")[:50]
    stages["upstream"].take(start)
    assert (passed, stages["upstream"].held_bytes) == ([], 50)
    stages["upstream"].take(Ending.EOF)
    assert passed == [start, Ending.EOF]


def test_networks_of_clients() -> None:
    toxic = named(clients=("10.0.0.0/8", "::1"))
    draws = Random(1)
    assert [toxic.is_for(client, draws) for client in ("10.9.9.9", "::ffff:10.1.1.1", "::1", "11.0.0.1")] == [
        True,
        True,
        True,
        False,
    ]


def test_a_toxic_on_both_streams_is_on_both_or_neither() -> None:
    draws = Random(5)
    toxic = named(stream="both", toxicity=0.5)
    assert 20 < sum(toxic.is_for("127.0.0.1", draws) for _ in range(100)) < 80
    assert set(toxic.stages(cast(Runtime, Time()))) == {"upstream", "downstream"}


async def round_trip_ms(link: Carried) -> float:
    reader, writer = await link.connect()
    began = time.perf_counter()
    writer.write(b"x")
    await reader.readexactly(1)
    return (time.perf_counter() - began) * 1000


def test_on_a_link_both_streams_are_delayed_and_strangers_are_not() -> None:
    async def test() -> None:
        async with carried() as link:
            link.add(named(ms=500, stream="both", clients=("127.0.0.0/8",)))
            assert await round_trip_ms(link) >= 999
            link.loop.ask(lambda: link.proxy.update(named(stream="both", clients=("10.0.0.0/8",), toxicity=0.99)))
            assert await round_trip_ms(link) < 999
            link.remove("slow")

    run(test())


def test_on_a_link_a_schedule_counts_from_the_creation_of_the_toxic() -> None:
    async def test() -> None:
        async with carried() as link:
            link.add(named(ms=60_000, schedule=Schedule(start_after=200, duration=300), since=(began := time.time())))
            await round_trip_ms(link)
            await asyncio.sleep(began + 0.25 - time.time())
            await round_trip_ms(link)
            assert 0.49 <= time.time() - began < 5, "delayed until the toxic went"
            await round_trip_ms(link)

    run(test())
