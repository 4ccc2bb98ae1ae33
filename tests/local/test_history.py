"""Viewing progress: what was acknowledged is kept, whoever is killed whenever; regions part and meet again."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.local.history_trial import HERE, THERE, Histories, histories

pytestmark = pytest.mark.slow
SEED = 20


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Histories]:
    with histories(tmp_path_factory.mktemp("histories"), base_port=23000) as made:
        yield made


def test_what_one_instance_acknowledges_the_other_shows_at_once(healthy: Histories) -> None:
    one, other = healthy.of(HERE)
    for sequence in range(1, 20):
        assert healthy.write(one, "anna/film", sequence)
        assert healthy.read(other, "anna/film") == sequence


def test_the_other_region_shows_it_within_two_seconds(healthy: Histories) -> None:
    assert shown_there_within_two_seconds(healthy, "berta")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_it_is_shown_there_as_soon_when_only_one_instance_has_it_and_the_other_does_not_answer(
    healthy: Histories, number: signal.Signals
) -> None:
    other = healthy.of(HERE)[1]
    healthy.processes[other].send_signal(number)
    try:
        assert shown_there_within_two_seconds(healthy, f"bruno.{number.name}")
    finally:
        healthy.kill(other)
        healthy.start(other)


def shown_there_within_two_seconds(healthy: Histories, viewer: str) -> bool:
    """Of three titles one: each is shown in any case, and a busy machine is not late every time."""
    for title in range(3):
        assert healthy.write(healthy.of(HERE)[0], f"{viewer}/{title}", 7)
        began = time.monotonic()
        shown = [healthy.seconds_until_read(each, f"{viewer}/{title}", 7, patience=30) for each in healthy.of(THERE)]
        assert None not in shown
        if time.monotonic() - began < 2:
            return True
    return False


def test_an_older_write_that_comes_late_changes_nothing(healthy: Histories) -> None:
    one, other = healthy.of(HERE)
    assert healthy.write(one, "clara/film", 5)
    assert healthy.write(other, "clara/film", 4)
    assert {healthy.read(each, "clara/film") for each in (one, other)} == {5}


def test_no_acknowledged_write_is_lost_when_instances_are_killed_at_any_moment(healthy: Histories) -> None:
    """kill -9 of one instance after the other at moments drawn from a seed, while a viewer writes and reads."""
    names, random = healthy.of(HERE), Random(SEED)
    done = threading.Event()

    def kill_now_and_then() -> None:
        turn = 0
        while turn < 8 or (not enough() and turn < 80):
            turn += 1
            time.sleep(random.uniform(0.05, 0.3))
            survivor, victim = names[turn % 2], names[(turn + 1) % 2]
            until_caught_up(survivor, acknowledged)
            healthy.kill(victim)
            healthy.start(victim)
        done.set()

    def until_caught_up(survivor: str, wanted: int) -> None:
        """It was killed before; to die while the other has not caught up is one failure more than is promised."""
        ends_at = time.monotonic() + 30
        while wanted and healthy.alone(survivor, "dora/film") < wanted and time.monotonic() < ends_at:
            time.sleep(0.02)

    def enough() -> bool:
        return acknowledged > 50 and refused > 0

    acknowledged, sequence, refused = 0, 0, 0
    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        while not done.is_set():
            sequence += 1
            if healthy.write(random.choice(names), "dora/film", sequence):
                acknowledged = sequence
            else:
                refused += 1
            seen = healthy.read(random.choice(names), "dora/film")
            assert seen is None or seen >= acknowledged
    finally:
        killer.join()
    assert acknowledged > 50
    assert refused > 0, "no write met a dead instance: the kills hit nothing"
    [kept] = {healthy.read(name, "dora/film") for name in names}
    assert kept is not None
    assert acknowledged <= kept <= sequence  # of those that were not acknowledged any may have been kept


def test_a_region_that_crashes_comes_back_with_all_it_acknowledged(healthy: Histories) -> None:
    names = healthy.of(HERE)
    for number in range(30):
        assert healthy.write(names[number % 2], f"emma/{number}", 1)
    healthy.kill(*names)
    healthy.start(*names)
    assert {healthy.read(name, f"emma/{number}") for name in names for number in range(30)} == {1}


def test_parted_regions_both_accept_and_agree_when_they_meet_again(healthy: Histories) -> None:
    [here, _], [there, _] = healthy.of(HERE), healthy.of(THERE)
    healthy.cut()
    try:
        assert healthy.write(here, "frieda/film", 1)
        assert healthy.write(there, "gerda/film", 1)
        assert healthy.write(here, "hanna/film", 3)
        assert healthy.write(there, "hanna/film", 4)
        assert healthy.seconds_until_read(there, "frieda/film", 1, patience=2.5) is None
    finally:
        healthy.heal()
    assert healthy.seconds_until_read(there, "frieda/film", 1, patience=30) is not None
    assert healthy.seconds_until_read(here, "gerda/film", 1, patience=30) is not None
    assert healthy.seconds_until_read(here, "hanna/film", 4, patience=30) is not None
    assert healthy.read(there, "hanna/film") == 4


def test_acknowledged_before_it_is_durable_is_lost(tmp_path: Path) -> None:
    with histories(tmp_path, 23100, ["acknowledged-before-durable"]) as weak:
        one, other = weak.of(HERE)
        assert weak.write(one, "ida/film", 1)
        assert weak.read(other, "ida/film") == 1, "in calm times nobody sees a difference"
        assert any(is_lost(weak, one, other, sequence) for sequence in range(2, 8)), (
            "it writes now and then, not at once"
        )


def is_lost(weak: Histories, one: str, other: str, sequence: int) -> bool:
    """Whether what one acknowledges goes with it; it does not when it was just about to write."""
    assert weak.write(one, "ida/film", sequence)
    weak.kill(one)
    kept = weak.read(other, "ida/film")
    weak.start(one)
    return kept is not None and kept < sequence


SMALL_DISK_BYTES = 2 * 2**20


def test_what_a_full_disk_does_not_take_another_one_keeps(tmp_path: Path) -> None:
    with histories(tmp_path, 24200, disk_bytes=SMALL_DISK_BYTES) as made:
        one, other = made.of(HERE)
        there = made.of(THERE)[0]
        fill = [f"julia/{number}" for number in range(60)]  # more than what fits into blocks that files have already
        with made.full(one):
            kept = [path for path in fill if made.acknowledged_by(one, path, 1) == HERE]
            assert kept, (
                "what is not among them went there: where a machine is too busy the sibling does not answer in time"
            )
            assert all(made.seconds_until_read(each, path, 1, patience=30) for each in (one, other) for path in kept)
        with made.full(one, other):
            said = [(path, made.acknowledged_by(each, path, 2)) for path in fill for each in (one, other)]
            moved = [path for path, by in said if by == THERE]
            assert moved
            assert all(made.seconds_until_read(there, path, 2, patience=30) for path in moved)
        assert made.seconds_until_read(one, moved[-1], 2, patience=30) is not None


def test_a_full_disk_that_is_ignored_loses_what_was_acknowledged(tmp_path: Path) -> None:
    with histories(tmp_path, 24300, ["full-disk-ignored"], SMALL_DISK_BYTES) as weak:
        one, other = weak.of(HERE)
        paths = [f"karl/{number}" for number in range(60)]
        with weak.full(one, other):
            assert {weak.acknowledged_by(one, path, 1) for path in paths} == {HERE}
            assert weak.read(one, paths[-1]) == -1
