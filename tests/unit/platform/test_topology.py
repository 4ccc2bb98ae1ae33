"""The topology: complete, deterministic, and true to what the services declare."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from chaos.model.system import Inventory, Link
from target_platform import services
from target_platform.kit.config import InstanceConfig
from target_platform.launcher.check import check_spec
from target_platform.topology import BASE_PORT, REGIONS, launch_spec

HOME = Path("/nowhere/platform")
SPEC = launch_spec(HOME)
CONFIGS = {each.name: msgspec.convert(each.config, InstanceConfig) for each in SPEC.instances}


def test_the_launcher_can_run_it() -> None:
    check_spec(msgspec.structs.replace(SPEC, proxy_command=("proxy",)))


def test_it_is_the_same_every_time_and_writes_nothing(tmp_path: Path) -> None:
    assert launch_spec(tmp_path) == launch_spec(tmp_path)
    assert os.listdir(tmp_path) == []


def test_every_region_has_every_service() -> None:
    replicas = Counter((each.region, each.service) for each in SPEC.instances)
    assert set(replicas) == {(region, name) for region in REGIONS for name in services.names()}
    assert all(count == services.load(service).replicas for (_, service), count in replicas.items())


def test_ports_are_where_they_are_promised() -> None:
    by_name = {each.name: each.port for each in SPEC.instances}
    slot = services.names().index("gateway")
    assert by_name["us-east-1/gateway-2"] == BASE_PORT + 10 * slot + 2
    assert by_name["eu-west-1/gateway-1"] == BASE_PORT + 400 + 10 * slot + 1
    assert {proxy.region: proxy.api_port for proxy in SPEC.proxies} == {
        "us-east-1": BASE_PORT + 399,
        "eu-west-1": BASE_PORT + 799,
    }
    assert min(link.listen_port for link in SPEC.links) == BASE_PORT + 200
    assert max(each.port for each in SPEC.instances if each.region == REGIONS[0]) < BASE_PORT + 200


def test_there_is_a_link_from_every_caller_to_every_instance_it_may_call() -> None:
    expected = {
        f"{region}/{name}>{each.name}"
        for region in REGIONS
        for name in services.names()
        for each in SPEC.instances
        if each.service in services.load(name).calls
    }
    assert sorted(link.name for link in SPEC.links if not link.public) == sorted(expected)
    assert "us-east-1/gateway>eu-west-1/recommendations-2" in expected


def test_the_distance_between_regions_is_on_their_links_and_on_no_other() -> None:
    own = [link for link in SPEC.links if not link.public]
    assert {(link.source_region == link.destination_region, link.base_delay_ms) for link in own} == {
        (True, 0.0),
        (False, 30.0),
    }


def test_a_providers_viewers_have_a_way_to_every_server_that_serves_them_as_long_as_the_distance() -> None:
    ways = {link.name: link.base_delay_ms for link in SPEC.links if link.public}
    assert ways["us-east-1/fibre>us-east-1/edge-1"] == 0, "below a millisecond there is nothing to hold back"
    assert 1 < ways["us-east-1/fibre>us-east-1/hub-1"] < ways["us-east-1/cable>us-east-1/hub-1"]
    assert ways["us-east-1/cable>us-east-1/hub-1"] < ways["us-east-1/mobile>us-east-1/hub-2"] < 10
    assert 20 < ways["us-east-1/fibre>eu-west-1/hub-2"] < 40
    assert not [name for name in ways if "cable>" in name and "/edge-" in name]
    assert not [name for name in ways if name.startswith("us") and ">eu-west-1/edge" in name]


def test_playback_and_steering_know_where_each_provider_reaches_each_server() -> None:
    listens = {f"way.{link.name}": f"127.0.0.1:{link.listen_port}" for link in SPEC.links if link.public}
    for name in ("us-east-1/playback-1", "eu-west-1/steering-1"):
        assert {key: value for key, value in CONFIGS[name].settings.items() if key.startswith("way.")} == listens
    assert not [key for key in CONFIGS["us-east-1/catalog-1"].settings if key.startswith("way.")]


def test_users_ways_are_no_part_of_what_an_isolated_region_is_cut_off_by() -> None:
    links = tuple(
        Link(
            name=each.name,
            source=each.source,
            source_region=each.source_region,
            destination=each.destination,
            destination_region=each.destination_region,
            destination_instance=each.destination_instance,
            labels={"public": "true"} if each.public else {},
        )
        for each in SPEC.links
    )
    across = Inventory(links=links).links_across_border(REGIONS[0])
    assert "us-east-1/gateway>eu-west-1/catalog-1" in across
    assert not set(across) & {each.name for each in SPEC.links if each.public}


def test_an_instance_is_told_addresses_of_links_of_its_own_region_and_service() -> None:
    links = {f"127.0.0.1:{link.listen_port}": link for link in SPEC.links}
    for config in CONFIGS.values():
        for callee in services.load(config.service).calls:
            for endpoint in config.endpoints[callee]:
                link = links[endpoint.address]
                assert (link.source, link.source_region) == (config.service, config.region)
                assert link.destination_instance == endpoint.instance
                assert endpoint.public_address == f"127.0.0.1:{link.upstream_port}"


def test_playback_hands_out_the_edges_own_addresses() -> None:
    edges = CONFIGS["us-east-1/playback-1"].endpoints["edge"]
    ports = {each.name: each.port for each in SPEC.instances}
    assert {each.public_address for each in edges} == {f"127.0.0.1:{ports[each.instance]}" for each in edges}
    assert len(edges) == 4


def test_regions_share_no_files() -> None:
    for config in CONFIGS.values():
        for path in (config.data_dir, config.log_dir, config.settings["media_dir"]):
            assert config.region in Path(path).relative_to(HOME).parts


def test_sessions_are_good_in_every_region() -> None:
    assert len({config.settings["session_key"] for config in CONFIGS.values()}) == 1


def test_services_start_after_those_they_call() -> None:
    after = {each.service: each.after for each in SPEC.instances}
    assert set(after["gateway"]) == set(services.load("gateway").calls)
    assert after["origin"] == ()
    assert after["catalog"] == ("origin",)


def test_other_ports_move_everything_together() -> None:
    moved = launch_spec(HOME, base_port=31000)
    assert [each.port - 31000 for each in moved.instances] == [each.port - BASE_PORT for each in SPEC.instances]


def test_an_unknown_weakness_is_refused() -> None:
    with pytest.raises(LookupError, match="did you mean no-edge-failover"):
        launch_spec(HOME, weakened=("no-edge-failovers",))


def test_an_unknown_service_is_refused() -> None:
    with pytest.raises(LookupError, match="did you mean gateway"):
        services.load("gatway")


def test_what_is_to_be_kept_in_reserve_is_one_more_in_each_region_and_called_like_the_others() -> None:
    spec = launch_spec(HOME, reserve=("playback", "playback", "catalog"))
    check_spec(msgspec.structs.replace(spec, proxy_command=("proxy",)))
    resting = [each.name.partition("/")[2] for each in spec.instances if each.reserve]
    assert Counter(resting) == {"playback-3": 2, "playback-4": 2, "catalog-3": 2}
    assert "us-east-1/gateway>eu-west-1/playback-4" in {link.name for link in spec.links}
    assert [each for each in spec.instances if not each.reserve and each.service == "origin"] != []
    with pytest.raises(LookupError, match="there is no service play; there are"):
        launch_spec(HOME, reserve=("play",))
