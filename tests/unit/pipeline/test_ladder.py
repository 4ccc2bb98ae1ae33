"""A title's ladder follows from its complexity, within bounds, and never goes above the master."""

from __future__ import annotations

import pytest

from target_platform.pipeline.ladder import ladder, needed_kbps
from target_platform.pipeline.master import Master
from target_platform.pipeline.profile import shipped

SMALL, FULL = shipped().profiles["small"], shipped().profiles["full"]
CODECS = shipped().codecs
HD = Master(frames=2880, rate="24", width=1280, height=720)


def test_a_simple_title_gets_fewer_bits_than_a_hard_one_at_every_size() -> None:
    simple, hard = (ladder(HD, kbps, SMALL, CODECS) for kbps in (120.0, 300.0))
    assert [each.height for each in simple] == [each.height for each in hard] == [240, 480, 720]
    assert all(one.kbps < other.kbps for one, other in zip(simple, hard, strict=True))


@pytest.mark.parametrize("complexity", [0.0, 1e9])
def test_whatever_was_measured_the_rates_stay_within_the_profiles_bounds(complexity: float) -> None:
    for each, rung in zip(ladder(HD, complexity, SMALL, CODECS), SMALL.rungs, strict=True):
        assert rung.least_kbps <= each.kbps <= rung.most_kbps


@pytest.mark.parametrize(
    ("width", "height", "heights"),
    [(3840, 2160, [240, 480, 720]), (640, 360, [240, 360]), (854, 481, [240, 480]), (160, 91, [90]), (320, 240, [240])],
)
def test_nothing_is_scaled_up_and_the_top_is_the_masters_own_size(width: int, height: int, heights: list[int]) -> None:
    master = Master(frames=240, rate="24", width=width, height=height)
    made = ladder(master, 150.0, SMALL, CODECS)
    assert [each.height for each in made] == heights
    for each in made:
        assert each.width % 2 == 0
        assert each.width / each.height == pytest.approx(width / height, rel=0.02)


def test_a_newer_codec_gets_its_share_of_the_bits_at_every_size() -> None:
    made = ladder(HD, 200.0, FULL, CODECS)
    kbps = {each.name: each.kbps for each in made}
    assert len(made) == 4 * 3
    for codec in FULL.codecs:
        for height in (240, 480, 720):
            assert kbps[f"{codec}-{height}"] == pytest.approx(kbps[f"h264-{height}"] * CODECS[codec].share, abs=1)


def test_four_times_the_pixels_need_less_than_four_times_the_bits() -> None:
    assert needed_kbps(100.0, 240) == 100.0
    assert needed_kbps(100.0, 480) == pytest.approx(283, abs=1)
