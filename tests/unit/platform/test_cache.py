"""What a cache keeps on its disk, what goes first, and what becomes of a file that the disk does not take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from target_platform.delivery.cache import Cache
from target_platform.kit.client import Reply
from tests.small_disk import small_disk


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(100, tmp_path / "cache")


def body(size: int) -> Reply:
    return Reply(body=bytes(size))


def test_what_was_asked_for_last_is_kept_within_the_limit(cache: Cache, tmp_path: Path) -> None:
    for path in "abc":
        cache.put(path, body(30))
    assert cache.get("a")
    cache.put("d", body(30))
    assert list(cache.paths()) == ["c", "a", "d"]
    assert cache.bytes == 90
    assert sum(file.stat().st_size for file in (tmp_path / "cache").iterdir()) == 90


def test_whether_a_file_is_there_is_no_use_of_it(cache: Cache) -> None:
    for path in "abc":
        cache.put(path, body(30))
    assert cache.has("a")
    cache.put("d", body(30))
    assert not cache.has("a")


def test_a_replaced_file_is_counted_once_and_one_that_is_too_large_is_not_kept(cache: Cache) -> None:
    cache.put("a", body(60))
    cache.put("a", body(70))
    too_large = cache.put("b", body(101))
    assert cache.bytes == 70
    assert list(cache.paths()) == ["a"]
    assert too_large.content() == bytes(101)


def test_what_is_pinned_stays_whatever_else_is_asked_for(cache: Cache) -> None:
    cache.put("chosen", body(30), pinned=True)
    for path in "abcdef":
        cache.put(path, body(30))
    assert list(cache.paths()) == ["e", "f", "chosen"]
    cache.pin(["f"])
    assert list(cache.paths()) == ["chosen", "e", "f"]
    cache.put("g", body(30))
    assert list(cache.paths()) == ["e", "g", "f"]


def test_what_is_pinned_before_it_comes_is_held_when_it_comes(cache: Cache) -> None:
    cache.pin(["later"])
    cache.put("later", body(50))
    cache.put("a", body(40))
    cache.put("b", body(40))
    assert list(cache.paths()) == ["b", "later"]


def test_what_has_no_room_beside_the_pinned_is_served_and_not_kept_and_nobody_goes_for_it(cache: Cache) -> None:
    cache.put("chosen", body(80), pinned=True)
    cache.put("a", body(20))
    assert cache.put("b", body(30)).content() == bytes(30)
    assert list(cache.paths()) == ["a", "chosen"]
    cache.put("also chosen", body(90), pinned=True)
    assert list(cache.paths()) == ["also chosen"]


def test_a_file_that_is_evicted_while_it_is_served_is_served_whole(cache: Cache) -> None:
    descriptor = cache.put("a", body(60)).open()
    try:
        cache.put("b", body(60))
        assert not cache.has("a")
        assert os.pread(descriptor, 100, 0) == bytes(60)
    finally:
        os.close(descriptor)


def test_a_start_is_cold_and_removes_what_was_left(cache: Cache, tmp_path: Path) -> None:
    cache.put("a", body(60))
    again = Cache(100, tmp_path / "cache")
    assert again.bytes == 0
    assert not again.has("a")
    assert list((tmp_path / "cache").iterdir()) == []


def test_who_has_the_folder_after_it_gives_nothing_else_to_a_predecessor_that_still_serves(
    cache: Cache, tmp_path: Path
) -> None:
    before = cache.put("a", Reply(body=b"of a"))
    Cache(100, tmp_path / "cache").put("b", Reply(body=b"of b"))
    with pytest.raises(FileNotFoundError):
        before.content()


def test_for_a_file_that_cannot_be_written_others_go_only_when_the_disk_is_full(cache: Cache, tmp_path: Path) -> None:
    cache.put("a", body(10))
    (tmp_path / "cache").rename(tmp_path / "aside")
    (tmp_path / "cache").touch()
    assert cache.put("b", body(10)).content() == bytes(10)
    assert list(cache.paths()) == ["a"]


def test_a_folder_that_cannot_be_had_costs_the_cache_and_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = Cache(100, tmp_path / "file" / "cache")
    assert cache.put("a", body(10)).content() == bytes(10)
    assert not cache.has("a")
    assert cache.unwritten == 1


def test_a_disk_that_is_full_before_its_time_holds_what_was_asked_for_last(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_bytes=1 << 20) as disk:
        cache = Cache(10 << 20, disk / "cache")
        for path in "abcdefgh":
            assert cache.put(path, body(250_000)).content() == bytes(250_000)
        assert list(cache.paths())[-1] == "h"
        assert 500_000 <= cache.bytes <= 1 << 20
        assert cache.unwritten == 0
