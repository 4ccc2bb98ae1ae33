"""Mixes: who the viewers are, as files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from target_platform.topology import REGIONS
from target_platform.viewers import mix as mixes
from target_platform.viewers.accounts import Accounts
from target_platform.viewers.behaviour import shipped_behaviour
from target_platform.viewers.directory import Directory
from target_platform.viewers.journey import Viewer
from target_platform.viewers.mix import BadMix, read_mix
from target_platform.viewers.popularity import pick

SHIPPED = sorted((Path(mixes.__file__).parent / "mixes").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_mix_can_be_used(path: Path) -> None:
    assert read_mix(path, shipped_behaviour(), REGIONS) != shipped_behaviour()


def test_viewers_are_drawn_by_the_shares_of_their_mix(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("{summary: s, devices: {phone: 0.8, tv: 0.2}, regions: {east: 0.25, west: 0.75}}")
    directory = Directory(regions=("east", "west"), gateways={"east": ("e0",), "west": ("w0",)})
    behaviour = read_mix(path, shipped_behaviour(), directory.regions)
    viewers = [Viewer.drawn(n, directory, behaviour, Random(f"7/{n}")) for n in range(2000)]
    devices = Counter(viewer.device.name for viewer in viewers)
    assert set(devices) == {"phone", "tv"}
    assert 0.77 < devices["phone"] / 2000 < 0.83
    assert 0.72 < sum(viewer.region == "west" for viewer in viewers) / 2000 < 0.78


def test_viewers_come_by_providers_of_their_own_region_by_their_shares(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("{summary: s, providers: {fibre: 0.1, mobile: 0.9}}")
    directory = Directory(regions=REGIONS, gateways=dict.fromkeys(REGIONS, ("g",)))
    for behaviour, fibre in ((shipped_behaviour(), 0.7), (read_mix(path, shipped_behaviour(), REGIONS), 0.1)):
        viewers = [Viewer.drawn(n, directory, behaviour, Random(f"7/{n}")) for n in range(2000)]
        assert all(viewer.provider.startswith(f"{viewer.region}/") for viewer in viewers)
        share = sum(viewer.provider.endswith("/fibre") for viewer in viewers) / len(viewers)
        assert fibre - 0.04 < share < fibre + 0.04


def test_where_no_provider_is_known_a_viewer_is_a_stranger() -> None:
    directory = Directory(regions=("nowhere",), gateways={"nowhere": ("g",)})
    assert Viewer.drawn(1, directory, shipped_behaviour(), Random(7)).provider == ""


def test_what_a_mix_leaves_out_stays(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("{summary: s, browsing: {mean_segments: 9}}")
    mixed, shipped = read_mix(path, shipped_behaviour(), REGIONS), shipped_behaviour()
    assert (mixed.browsing.mean_segments, mixed.browsing.think_seconds) == (9, shipped.browsing.think_seconds)
    assert (mixed.devices, mixed.regions, mixed.titles) == (shipped.devices, {}, shipped.titles)
    assert mixed.progress == shipped.progress


def test_who_travels_is_a_share_of_the_mix(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("{summary: s, travel_share: 0.6}")
    assert read_mix(path, shipped_behaviour(), REGIONS).progress.travel_share == 0.6


def test_devices_store_their_licences_where_the_mix_says_so(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("{summary: s, stores_licences: true}")
    assert read_mix(path, shipped_behaviour(), REGIONS).stores_licences
    assert not shipped_behaviour().stores_licences


def test_a_mix_may_put_all_accounts_on_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text("{summary: s, plan: premium}")
    arriving = read_mix(path, shipped_behaviour(), REGIONS).arriving
    assert Accounts(arriving).entrance(7, "east", Random(1)).body["plan"] == "premium"
    assert "plan" not in Accounts(shipped_behaviour().arriving).entrance(7, "east", Random(1)).body


BAD = {
    "{summary: s, devices: {watch: 1.0}}": "devices names 'watch'; there are phone, tablet, tv",
    "{summary: s, regions: {mars: 1.0}}": "regions names 'mars'; there are us-east-1, eu-west-1",
    "{summary: s, devices: {phone: 0.5, tv: 0.4}}": "the shares of devices add up to 0.9 and not to 1",
    "{summary: s, devices: {phone: 1.5, tv: -0.5}}": "devices.phone is 1.5, and a share is from 0 to 1",
    "{summary: s, titles: {zipf_exponent: -1}}": "titles.zipf_exponent is -1, and must not be below 0",
    "{summary: s, browsing: {mean_segments: 0}}": "browsing.mean_segments is 0, and must be above 1",
    "{summary: s, travel_share: 60}": "travel_share is 60, and a share is from 0 to 1",
    "{summary: s, device: {phone: 1.0}}": "unknown field `device`",
    "{devices: {phone: 1.0}}": "missing required field `summary`",
    "devices: {phone": "is not YAML: ",
}


@pytest.mark.parametrize("text", list(BAD))
def test_a_mistake_is_one_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(text)
    with pytest.raises(BadMix) as caught:
        read_mix(path, shipped_behaviour(), REGIONS)
    assert str(path) in str(caught.value)
    assert BAD[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_popular_titles_are_the_same_for_everyone_in_whatever_order_they_are_offered() -> None:
    titles = [f"title-{n}" for n in range(12)]
    draw = Random(1)
    picked = Counter(pick(draw.sample(titles, 12), 2.5, draw) for _ in range(2000))
    [(_, times), *_] = picked.most_common()
    assert 0.70 < times / 2000 < 0.80  # of the first of 12 at an exponent of 2.5: 75 %


def test_without_an_exponent_all_titles_are_alike() -> None:
    titles = [f"title-{n}" for n in range(4)]
    draw = Random(1)
    picked = Counter(pick(titles, 0.0, draw) for _ in range(2000))
    assert all(0.2 < times / 2000 < 0.3 for times in picked.values())
