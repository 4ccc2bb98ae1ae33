"""Seats: as many devices at a time as the plan has, at home first, and nobody is locked out by what is dead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from target_platform.kit.policy import StreamPolicy
from target_platform.kit.serve import running
from target_platform.services import streams
from target_platform.services.streams import Ledger, Seat, Taking, Word
from tests.clock import Clock
from tests.unit.platform.stage import Answer, Platform, proven, signed_in, visit

HERE, THERE = "here/gateway-1", "there/gateway-1"
S_HERE, S_THERE = "here/streams-1", "there/streams-1"
STREAMS = (S_THERE, S_HERE)
REST = (
    "here/origin-1",
    "here/catalog-1",
    "here/history-1",
    "here/licence-1",
    "here/edge-1",
    "here/playback-1",
    HERE,
)
ANN = "ann@here"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return Ledger(StreamPolicy(), clock)


def take(ledger: Ledger, device: str, plan: str = "standard", title: str = "split-brain") -> bool:
    return ledger.take(ANN, Taking(device, title, plan))


def test_an_account_that_has_no_seat_any_more_takes_no_memory(ledger: Ledger, clock: Clock) -> None:
    for number in range(10):
        ledger.put(f"left-{number}@here", Seat("tv", "split-brain", 0))
        ledger.put(f"silent-{number}@here", Seat("tv", "split-brain", 10))
    clock.now += 11
    assert ledger.all() == {}
    assert ledger.accounts == 0


@pytest.mark.parametrize(("plan", "seats"), [("basic", 1), ("standard", 2), ("premium", 4)])
def test_each_plan_has_its_number_of_seats(ledger: Ledger, plan: str, seats: int) -> None:
    assert [take(ledger, f"device-{n}", plan) for n in range(seats + 1)] == [True] * seats + [False]
    assert ledger.take("bob@here", Taking("tv", "split-brain", plan)), "another account's seats are its own"


def test_a_device_that_starts_something_else_keeps_its_seat(ledger: Ledger) -> None:
    assert take(ledger, "tv", "basic")
    assert take(ledger, "tv", "basic", "cold-start")
    assert [(seat.device, seat.title) for seat in ledger.open(ANN)] == [("tv", "cold-start")]


def test_a_plan_that_is_not_known_any_more_locks_nobody_out(ledger: Ledger) -> None:
    assert all(take(ledger, f"device-{n}", "platinum") for n in range(20))


def test_the_seat_of_a_dead_device_ends_by_itself(ledger: Ledger, clock: Clock) -> None:
    assert take(ledger, "tv", "basic")
    clock.now += 29
    assert not take(ledger, "phone", "basic")
    clock.now += 1
    assert take(ledger, "phone", "basic")
    assert ledger.all() == {ANN: (Seat("phone", "split-brain", 30),)}


def test_who_is_heard_of_keeps_its_seat_and_who_has_left_has_none(ledger: Ledger, clock: Clock) -> None:
    assert take(ledger, "tv", "basic")
    for _ in range(10):
        clock.now += 8
        ledger.hear(ANN, Word("tv", "split-brain"))
    assert not take(ledger, "phone", "basic")
    ledger.hear(ANN, Word("tv", "split-brain", left=True))
    assert take(ledger, "phone", "basic")


def test_a_picture_that_runs_is_not_stopped_by_one_too_many(ledger: Ledger) -> None:
    assert take(ledger, "tv", "basic")
    ledger.hear(ANN, Word("phone", "split-brain"))
    assert len(ledger.open(ANN)) == 2
    assert not take(ledger, "tablet", "basic")


def test_what_another_instance_tells_does_not_outlast_a_seat(ledger: Ledger, clock: Clock) -> None:
    ledger.put(ANN, Seat("tv", "split-brain", 1e9))
    clock.now += 30
    assert ledger.open(ANN) == ()


async def start(made: Platform, device: str, plan: str = "standard", gateway: str = HERE) -> Answer:
    return await made.ask(gateway, "/play/split-brain", "POST", json={}, headers=signed_in(ANN, plan, device))


async def write_place(made: Platform, device: str, plan: str = "standard", **more: Any) -> Answer:
    place = {"position_seconds": 8, "at_ms": 1, **more}
    return await made.ask(HERE, "/progress/p/split-brain", "POST", json=place, headers=signed_in(ANN, plan, device))


async def seats(made: Platform, instance: str = S_HERE) -> dict[str, list[dict[str, Any]]]:
    said: dict[str, list[dict[str, Any]]] = (await made.ask(instance, "/copies")).json["seats"]
    return said


def test_who_starts_one_too_many_is_told_which_are_open(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert [(await start(made, device)).status for device in ("tv", "phone", "tv")] == [200, 200, 200]
        refused = await start(made, "tablet")
        assert refused.status == 409
        assert refused.json["error"] == (
            "the plan standard plays on 2 devices at a time, and these do: tv (split-brain), phone (split-brain)"
        )
        assert [each["device"] for each in refused.json["open"]] == ["tv", "phone"]
        assert (await start(made, "tablet", plan="")).status == 200, "without a plan nothing is counted"

    visit(tmp_path, (*STREAMS, *REST), play)


def test_a_place_that_is_kept_keeps_the_seat_and_the_last_one_gives_it_up(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await write_place(made, "tv")).status == 200
        [seat] = (await seats(made))[ANN]
        assert (seat["device"], seat["title"]) == ("tv", "split-brain")
        assert (await write_place(made, "tv", left=True)).status == 200
        assert await seats(made) == {}
        assert (await write_place(made, "tv", left="?")).status == 200, "a place is kept whatever is said of seats"

    visit(tmp_path, (*STREAMS, *REST), play)


def test_without_a_seat_there_is_no_licence_either(tmp_path: Path) -> None:
    async def ask(made: Platform, device: str, seat: str, title: str = "split-brain") -> Answer:
        wanted = {"title": title, "seat": seat, **proven(f"licence {title}", ANN, device)}
        return await made.ask(HERE, "/licence", "POST", json=wanted, headers=signed_in(ANN, "basic", device))

    async def play(made: Platform) -> None:
        seat = (await start(made, "tv", "basic")).json["seat"]
        assert (await ask(made, "tv", seat)).status == 200
        for device, shown, title in (("tv", "", "split-brain"), ("phone", seat, "split-brain"), ("tv", seat, "other")):
            refused = await ask(made, device, shown, title)
            assert refused.status == 403
            assert f"{device} has no seat for {title}" in refused.json["error"]

    visit(tmp_path, (*STREAMS, *REST), play)


def test_a_plan_counts_devices_so_a_session_without_one_starts_nothing(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        answer = await start(made, "")
        assert answer.status == 403
        assert "names none: sign in" in answer.json["error"]

    visit(tmp_path, (*STREAMS, *REST), play)


def test_when_nobody_can_be_asked_for_a_seat_streams_start_uncounted_and_that_is_counted(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        answers = [await start(made, f"device-{n}", "basic") for n in range(3)]
        assert [each.status for each in answers] == [200] * 3
        assert all(each.json["seat"] for each in answers)
        metrics = (await made.ask("here/playback-1", "/metrics")).body.decode()
        assert 'fallbacks_total{fallback="uncounted",target="streams"} 3.0' in metrics
        assert (await write_place(made, "device-0", "basic")).status == 200

    visit(tmp_path, REST, play)


def test_in_the_other_region_an_accounts_seats_are_counted_at_home(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        assert (await start(made, "tv", "basic")).status == 200
        assert (await start(made, "phone", "basic", THERE)).status == 409

    visit(tmp_path, (*STREAMS, *REST, "there/edge-1", "there/playback-1", THERE), play)


def test_what_one_instance_knew_another_one_knows_when_it_is_gone_and_it_itself_when_it_is_back(tmp_path: Path) -> None:
    async def ask(made: Platform, instance: str, device: str) -> int:
        asked = {"device": device, "title": "split-brain", "plan": "basic"}
        return (await made.ask(instance, f"/seats/{ANN}", "POST", json=asked)).status

    async def play(made: Platform) -> None:
        for seat_is_taken in (200, 409):  # by the television at first; then there is none for the phone
            async with running(streams.SERVICE, made.config(S_HERE)) as made.instances[S_HERE]:
                while seat_is_taken == 409 and ANN not in await seats(made):
                    pass
                assert await ask(made, S_HERE, "tv" if seat_is_taken == 200 else "phone") == seat_is_taken
                while ANN not in await seats(made, S_THERE):
                    pass
            assert await ask(made, S_THERE, "phone") == 409

    visit(tmp_path, (S_THERE,), play)


def test_another_instance_hears_that_a_seat_was_given_up(tmp_path: Path) -> None:
    async def play(made: Platform) -> None:
        copy = msgspec.json.encode({"seats": {ANN: [Seat("tv", "split-brain", 25)]}})
        for instance in STREAMS:
            assert (await made.ask(instance, "/copies", "POST", data=copy)).status == 204
        told = {"device": "tv", "title": "split-brain", "left": True}
        assert (await made.ask(S_HERE, f"/seats/{ANN}/word", "POST", json=told)).status == 204
        while ANN in await seats(made, S_THERE):
            pass

    visit(tmp_path, STREAMS, play)
