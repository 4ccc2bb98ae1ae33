"""What an instance in a pod is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_platform import services
from target_platform.kit.config import InstanceConfig
from target_platform.pod import Platform as Cluster
from target_platform.pod import instance_config
from tests.unit.platform.stage import Platform, visit

PLATFORM = Cluster(
    regions=("east", "west"),
    port=8080,
    domain="streaming.svc.cluster.local",
    replicas={"history": 2, "billing": 1, "identity": 1, "payment": 1},
    edges={"east": "203.0.113.7:30081"},
    hubs={"east": "203.0.113.7:30082"},
    stores={"east": "http://shelf-east.streaming.svc.cluster.local:8080"},
)
POD = {"REGION": "east", "POD_IP": "10.0.0.5", "SESSION_KEY": "k", "LICENCE_SECRET": "s"}


def config(service: str, pod_name: str) -> InstanceConfig:
    return instance_config(services.load(service), PLATFORM, {**POD, "POD_NAME": pod_name})


def test_what_keeps_data_is_called_by_its_number_and_knows_its_peers_by_name() -> None:
    history = config("history", "history-east-2")
    assert history.name == "east/history-2"
    assert [(each.instance, each.address) for each in history.endpoints["history"]] == [
        ("east/history-1", "history-east-1.history-east.streaming.svc.cluster.local:8080"),
        ("east/history-2", "history-east-2.history-east.streaming.svc.cluster.local:8080"),
        ("west/history-1", "history-west-1.history-west.streaming.svc.cluster.local:8080"),
        ("west/history-2", "history-west-2.history-west.streaming.svc.cluster.local:8080"),
    ]


def test_what_keeps_none_is_called_by_its_address_and_hears_of_the_others() -> None:
    playback = config("playback", "playback-east-7d9f-x2z4q")
    assert playback.name == "east/playback@10.0.0.5"
    assert playback.endpoints == {"catalog": (), "origin": (), "steering": (), "streams": (), "edge": (), "hub": ()}
    assert playback.discovery == "dns:streaming.svc.cluster.local"
    assert playback.settings["edge_address.east"] == "203.0.113.7:30081"
    assert playback.settings["hub_address.east"] == "203.0.113.7:30082"


def test_an_origin_is_told_the_shelf_of_its_region_and_none_where_there_is_no_pipeline() -> None:
    assert config("origin", "origin-east-5c").settings["store"] == PLATFORM.stores["east"]
    elsewhere = instance_config(services.load("origin"), PLATFORM, {**POD, "POD_NAME": "o", "REGION": "west"})
    assert elsewhere.settings["store"] == ""


def test_it_is_reached_from_other_pods() -> None:
    assert config("catalog", "catalog-east-1-a").host == "0.0.0.0"


def test_a_variable_that_is_missing_is_named() -> None:
    with pytest.raises(KeyError, match="POD_NAME"):
        instance_config(services.load("history"), PLATFORM, POD)


def test_players_are_told_the_servers_address_for_players_where_there_is_one(tmp_path: Path) -> None:
    async def play(stage: Platform) -> None:
        told = await stage.ask("here/playback-1", "/start/split-brain", "POST")
        assert told.json["edges"] == [
            "http://203.0.113.7:30082",
            f"http://{stage.address('here/edge-1')}",
            f"http://{stage.address('there/edge-1')}",
        ]

    names = ("here/hub-1", "here/hub-2", "here/edge-1", "there/edge-1", "here/playback-1")
    visit(tmp_path, names, play, **{"hub_address.here": "203.0.113.7:30082"})
