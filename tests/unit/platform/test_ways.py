"""Providers, how far they are from what serves their viewers, and the order in which those are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_platform.delivery.providers import Area, Network, Place, Providers, shipped_providers
from target_platform.delivery.ways import Standing, Way, Ways, addresses, in_order
from target_platform.kit.config import Endpoint
from target_platform.topology import REGIONS
from tests.unit.platform.stage import Platform, visit

EAST, WEST = REGIONS
PROVIDERS = shipped_providers()
TITLES = [f"title-{number}" for number in range(40)]


def servers(service: str) -> list[Endpoint]:
    return [
        Endpoint(instance=f"{region}/{service}-{number}", region=region, address=f"{region}.{service}.{number}")
        for region in REGIONS
        for number in (1, 2)
    ]


ALL = {service: servers(service) for service in ("edge", "hub")}


def told(
    provider: str, title: str = "a", settings: dict[str, str] | None = None, most: int = 9, **judge: Standing
) -> str:
    """The places of a list, one after the other: e1, e2 and h1, h2, those of the west in capitals."""

    def known(way: Way) -> Standing:
        name = way.server.instance.partition("/")[2].replace("-", "")
        return Standing() if way.is_far else judge.get(name, Standing())

    ways = Ways(PROVIDERS, EAST, settings or {})
    return " ".join(_short(each) for each in addresses(in_order(title, ways.of(provider, ALL), known), most))


def _short(address: str) -> str:
    if address.count(".") < 2:
        return address
    region, service, number = address.split(".")
    name = f"{service[0]}{number}"
    return name.upper() if region == WEST else name


def test_the_distance_is_that_of_the_great_circle() -> None:
    ashburn, dublin = Place(latitude=39.04, longitude=-77.49), Place(latitude=53.35, longitude=-6.26)
    assert ashburn.km_to(dublin) == pytest.approx(5430, abs=40)
    assert ashburn.km_to(ashburn) == 0
    poles = Place(latitude=90, longitude=0), Place(latitude=-90, longitude=77)
    assert poles[0].km_to(poles[1]) == pytest.approx(20015, abs=1)


def test_every_region_of_the_platform_has_three_providers_one_of_them_with_its_edges() -> None:
    for region in REGIONS:
        there = PROVIDERS.of_region(region)
        assert [each.network.reaches for each in there] == ["embedded", "peering", "transit"]
        assert there[0].network.share > sum(each.network.share for each in there[1:])


@pytest.mark.parametrize(
    ("provider", "tiers"),
    [("fibre", "e e h h H H"), ("cable", "h h H H"), ("mobile", "h h H H"), ("", "h h e e H H E E")],
)
def test_what_is_embedded_comes_first_then_hubs_and_somebody_elsewhere_last(provider: str, tiers: str) -> None:
    for title in TITLES:
        listed = told(f"{EAST}/{provider}" if provider else "", title)
        assert "".join(each for each in listed if not each.isdigit()) == tiers


def test_titles_are_shared_out_among_equals() -> None:
    firsts = {told(f"{EAST}/fibre", title).split()[0] for title in TITLES}
    assert firsts == {"e1", "e2"}


def test_a_viewer_from_elsewhere_is_sent_to_its_own_region_by_whoever_is_asked() -> None:
    listed = told(f"{WEST}/fibre").split()
    assert [each.isupper() for each in listed] == [True] * 4 + [False] * 2
    assert {each[0] for each in listed[:2]} == {"E"}


def test_a_player_is_told_two_edges_a_hub_and_somebody_elsewhere() -> None:
    for title in TITLES:
        listed = told(f"{EAST}/fibre", title, most=4).split()
        assert [each[0] for each in listed] == ["e", "e", "h", "H"]
    assert [each[0] for each in told(f"{EAST}/cable", most=4).split()] == ["h", "h", "H", "H"]
    assert [each[0] for each in told(f"{EAST}/fibre", most=1).split()] == ["e"]


def test_a_slow_way_comes_after_its_likes_and_a_failing_one_after_all_of_the_region() -> None:
    slow = told(f"{EAST}/fibre", edge1=Standing(is_slow=True)).split()
    assert slow[:2] == ["e2", "e1"]
    failing = told(f"{EAST}/fibre", edge1=Standing(fails=True)).split()
    assert (failing[0], failing[3]) == ("e2", "e1")


def test_what_is_overrun_comes_later_but_not_after_what_is_farther() -> None:
    assert told(f"{EAST}/fibre", edge2=Standing(is_overrun=True)).split()[:2] == ["e1", "e2"]


def test_a_provider_has_ways_of_its_own_and_others_the_addresses_of_the_region() -> None:
    settings = {f"way.{EAST}/cable>{EAST}/hub-1": "way1", f"hub_address.{EAST}": "all.hubs"}
    assert set(told(f"{EAST}/cable", settings=settings).split()[:2]) == {"way1", "all.hubs"}
    assert told(f"{EAST}/mobile", settings=settings).split()[0] == "all.hubs"


def test_where_a_region_has_one_address_for_all_of_a_tier_a_player_is_told_it_once() -> None:
    settings = {f"{service}_address.{region}": f"{region}.{service}" for service in ALL for region in REGIONS}
    assert told(f"{EAST}/fibre", settings=settings, most=4).split() == [f"{EAST}.edge", f"{EAST}.hub", f"{WEST}.hub"]


@pytest.mark.parametrize(
    ("provider", "tiers"), [("fibre", "edge edge hub hub"), ("cable", "hub hub"), ("", "hub edge edge")]
)
def test_without_steering_playback_lists_what_serves_the_provider(tmp_path: Path, provider: str, tiers: str) -> None:
    async def play(stage: Platform) -> None:
        asked = {"provider": f"{EAST}/{provider}"} if provider else {}
        told = (await stage.ask(f"{EAST}/playback-1", "/start/split-brain", "POST", json=asked)).json["edges"]
        names = {f"http://{stage.address(name)}": name for name in stage.instances}
        assert [names[each].partition("/")[2][:-2] for each in told[: len(tiers.split())]] == tiers.split()
        assert names[told[-1]].startswith(WEST)

    names = (
        f"{EAST}/hub-1",
        f"{WEST}/hub-1",
        f"{EAST}/edge-1",
        f"{EAST}/edge-2",
        f"{WEST}/edge-1",
        f"{EAST}/playback-1",
    )
    visit(tmp_path, names, play)


def area(*shares: float, reaches: str = "peering", latitude: float = 0) -> dict[str, Area]:
    networks = {
        f"p{number}": Network(latitude=latitude, longitude=0, share=share, reaches=reaches)  # type: ignore[arg-type]  # a literal
        for number, share in enumerate(shares)
    }
    return {"here": Area(exchange_point=Place(latitude=0, longitude=0), providers=networks)}


@pytest.mark.parametrize(
    ("areas", "why"),
    [
        (area(0.5, 0.4), "the shares of the providers of here"),
        (area(1.5, -0.5), "the shares of the providers of here"),
        (area(0.5, 0.5, reaches="embedded"), "in the networks of two providers"),
        (area(1, latitude=91), "not on Earth"),
    ],
)
def test_a_mistake_in_the_data_is_named(areas: dict[str, Area], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Providers(areas)
