"""What viewers ask for, counted by file, and what that says about tomorrow."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_platform.delivery.demand import Demand
from target_platform.delivery.files import File, file_of, following
from target_platform.delivery.forecast import Model, forecast
from tests.clock import Clock

DAY = 24 * 3600.0
QUALITIES = ("240p", "720p")
SEGMENTS = 15


def segment(title: str, quality: str, number: int) -> str:
    return f"/media/{title}/{quality}/segment-{number:02d}.ts"


def files(*titles: str) -> dict[str, list[str]]:
    return {
        title: [segment(title, quality, number) for quality in QUALITIES for number in range(SEGMENTS)]
        for title in titles
    }


def test_a_path_says_title_quality_and_segment() -> None:
    assert file_of("/media/half-open/480p/segment-07.ts") == File("half-open", "480p", 7)
    assert file_of("/media/half%20open/video/h264-480/00012.m4s") == File("half open", "video/h264-480", 12)
    assert file_of("/media/half-open/480p/playlist.m3u8") == File("half-open", "480p", -1)
    assert file_of("/media/half-open/master.m3u8") == File("half-open", "", -1)
    assert file_of("/media/half-open/video/480/init.mp4") == File("half-open", "video/480", -1)
    assert file_of("/metrics") is None
    assert file_of("/media//480p/segment-07.ts") is None


def test_the_version_of_a_title_is_no_part_of_its_quality() -> None:
    path = "/media/half-open/0123456789abcdef/0123456789ab/video/h264-480/00012.m4s"
    assert file_of(path) == File("half-open", "video/h264-480", 12)
    assert file_of("/media/half-open/0123456789abcdef/0123456789ab/master.m3u8") == File("half-open", "", -1)


@pytest.mark.parametrize(
    ("path", "steps", "quality", "later"),
    [
        ("/media/t/480p/segment-08.ts", 2, "480p", "/media/t/480p/segment-10.ts"),
        ("/media/t/480p/segment-99.ts", 1, "480p", "/media/t/480p/segment-100.ts"),
        ("/media/t/480p/segment-08.ts", 1, "720p", "/media/t/720p/segment-09.ts"),
        (
            "/media/t/0123456789abcdef/0123456789ab/v/1/00009.m4s",
            1,
            "v/2",
            "/media/t/0123456789abcdef/0123456789ab/v/2/00010.m4s",
        ),
    ],
)
def test_later_segments_are_numbered_as_this_one(path: str, steps: int, quality: str, later: str) -> None:
    file = file_of(path)
    assert file is not None
    assert following(path, file, steps, quality) == later


def test_what_was_asked_for_a_half_life_ago_counts_half() -> None:
    clock = Clock()
    demand = Demand(half_life_seconds=DAY, clock=clock)
    demand.add("/old")
    clock.now += DAY
    demand.add("/new")
    assert demand.counts() == pytest.approx({"/old": 0.5, "/new": 1.0})


def test_counting_for_years_does_not_overflow() -> None:
    clock = Clock()
    demand = Demand(half_life_seconds=DAY, clock=clock)
    for _ in range(40):
        demand.add("/daily")
        clock.now += 100 * DAY
    demand.add("/daily")
    assert demand.counts() == pytest.approx({"/daily": 1.0})


def test_of_many_files_only_the_most_wanted_are_remembered() -> None:
    demand = Demand(most_files=10, clock=Clock())
    for number in range(5):
        demand.add(f"/wanted/{number}", times=3)
    for number in range(1000):
        demand.add(f"/once/{number}")
    counted = demand.counts()
    assert len(counted) < 20
    assert {f"/wanted/{number}" for number in range(5)} <= counted.keys()


def test_a_title_that_nobody_has_asked_for_is_expected_by_its_rank() -> None:
    expected = forecast({}, files("first", "second", "third"))
    starts = [expected[segment(title, "240p", 0)] for title in ("first", "second", "third")]
    assert starts[0] == pytest.approx(2 * starts[1]) == pytest.approx(3 * starts[2])


def test_without_any_count_each_segment_loses_the_same_share_of_viewers() -> None:
    expected = forecast({}, files("only"), Model(survival=0.8))
    walk = [expected[segment("only", "720p", number)] for number in range(SEGMENTS)]
    assert all(later == pytest.approx(0.8 * earlier) for earlier, later in itertools.pairwise(walk))


def test_a_new_title_is_expected_to_be_watched_as_the_others_are() -> None:
    """Everybody begins in the small quality and goes on in the large one, of all titles that were ever asked for."""
    seen = {segment("old", "240p", 0): 10_000.0, segment("old", "720p", 1): 8_000.0}
    expected = forecast(seen, files("old", "new"))
    assert expected[segment("new", "240p", 0)] > 10 * expected[segment("new", "720p", 0)]
    assert expected[segment("new", "720p", 1)] > 10 * expected[segment("new", "240p", 1)]


def test_what_was_counted_outweighs_the_catalogues_rank() -> None:
    seen = {segment("last", "240p", 0): 1_000.0}
    expected = forecast(seen, files("first", "last"))
    assert expected[segment("last", "240p", 0)] > 5 * expected[segment("first", "240p", 0)] > 0


def test_titles_of_another_make_are_expected_by_their_own_first_segment() -> None:
    """What the pipeline publishes counts its segments from one, and has qualities of its own."""
    new = [f"/media/new/0123456789abcdef/0123456789ab/video/h264/{number:05d}.m4s" for number in range(1, 6)]
    seen = {new[0]: 1_000.0, new[1]: 800.0, segment("old", "240p", 0): 1_000.0}
    expected = forecast(seen, {**files("old"), "new": new})
    assert expected[new[0]] == pytest.approx(expected[segment("old", "240p", 0)], rel=0.1)
    assert expected[new[1]] == pytest.approx(0.8 * expected[new[0]], rel=0.05)


counts = st.dictionaries(
    st.builds(segment, st.sampled_from(["a", "b", "gone"]), st.sampled_from(QUALITIES), st.integers(0, SEGMENTS - 1)),
    st.floats(0, 1e6),
)


@given(counts)
def test_every_file_of_the_catalogue_is_expected_and_no_other(seen: dict[str, float]) -> None:
    of_titles = files("a", "b")
    expected = forecast(seen, of_titles)
    assert expected.keys() == {path for paths in of_titles.values() for path in paths}
    assert all(times > 0 for times in expected.values())
