"""Which files each cache of a group is to hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_platform.delivery.plan import Member, owner, planned
from target_platform.kit.config import Endpoint

TITLES = [f"title-{number}" for number in range(8)]
PATHS = [f"/media/{title}/{quality}/segment-{n}.ts" for title in TITLES for quality in ("l", "h") for n in range(3)]

sizes = st.fixed_dictionaries({path: st.integers(1, 100) for path in PATHS})
demand = st.dictionaries(st.sampled_from(PATHS), st.floats(0.001, 1000))
limits = st.integers(0, 2000)
shares = st.sampled_from([0.1, 0.3, 1.0])


def group(count: int) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(instance=f"eu/edge-{number}", region="eu", address="") for number in range(1, count + 1))


def first_of(count: int, everywhere_share: float = 1.0) -> Member:
    return Member(me="eu/edge-1", group=group(count), everywhere_share=everywhere_share)


@given(demand, sizes, limits, shares)
def test_never_more_than_there_is_room_for(
    wanted: dict[str, float], size: dict[str, int], limit: int, share: float
) -> None:
    plan = planned(first_of(2, share), wanted, size, limit)
    assert sum(size[path] for path in plan) <= limit
    assert len(set(plan)) == len(plan)


@given(demand, sizes, limits)
def test_the_same_whoever_computes_it(wanted: dict[str, float], size: dict[str, int], limit: int) -> None:
    backwards = dict(reversed(wanted.items()))
    assert planned(first_of(3), wanted, size, limit) == planned(
        Member(me="eu/edge-1", group=group(3)[::-1]), backwards, dict(reversed(size.items())), limit
    )


@given(demand, sizes, limits, shares, st.sampled_from(PATHS), st.floats(1, 1000))
def test_who_is_wanted_more_is_never_left_out_for_it(
    wanted: dict[str, float], size: dict[str, int], limit: int, share: float, path: str, more: float
) -> None:
    before = planned(first_of(2, share), wanted, size, limit)
    after = planned(first_of(2, share), {**wanted, path: wanted.get(path, 0) + more}, size, limit)
    assert path not in before or path in after


@given(demand, sizes)
def test_every_title_that_is_asked_for_has_one_owner_when_there_is_room(
    wanted: dict[str, float], size: dict[str, int]
) -> None:
    caches = group(3)
    plans = [planned(Member(me=each.instance, group=caches), wanted, size, sum(size.values())) for each in caches]
    assert sorted(path for plan in plans for path in plan) == sorted(wanted)


@given(st.lists(st.text(min_size=1), unique=True), st.integers(2, 6))
def test_when_a_cache_is_lost_only_its_titles_move(titles: list[str], count: int) -> None:
    whole, lost = group(count), f"eu/edge-{count}"
    for title in titles:
        before = owner(title, whole)
        assert before == lost or owner(title, whole[:-1]) == before


def test_what_is_asked_for_more_often_for_its_size_comes_first() -> None:
    size = {"/media/a/h/1.ts": 100, "/media/a/l/1.ts": 10, "/media/b/l/1.ts": 10}
    wanted = {"/media/a/h/1.ts": 50.0, "/media/a/l/1.ts": 8.0, "/media/b/l/1.ts": 4.0}
    assert planned(first_of(1), wanted, size, 20) == ["/media/a/l/1.ts", "/media/b/l/1.ts"]
    assert planned(first_of(1), wanted, size, 110) == ["/media/a/l/1.ts", "/media/a/h/1.ts"]


def test_a_title_that_a_large_part_of_all_viewers_want_is_held_by_every_cache() -> None:
    wanted = {"/media/premiere/l/1.ts": 60.0, **{f"/media/title-{n}/l/1.ts": 1.0 for n in range(40)}}
    caches, size = group(4), dict.fromkeys(wanted, 1)
    plans = [
        planned(Member(me=each.instance, group=caches, everywhere_share=0.3), wanted, size, 1000) for each in caches
    ]
    assert all(plan[0] == "/media/premiere/l/1.ts" for plan in plans)
    assert sum(map(len, plans)) == 40 + len(caches)


def test_what_is_not_listed_is_not_planned() -> None:
    assert planned(first_of(1), {"/media/a/l/1.ts": 9.0}, {}, 100) == []
