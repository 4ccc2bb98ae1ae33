"""What a player knows of the platform."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from target_platform.viewers.behaviour import shipped_behaviour
from target_platform.viewers.directory import Directory, NoPlatform, PlayerPolicy, read_directory
from target_platform.viewers.journey import Viewer

POLICIES = """
players:
  player>edge: {deadline_ms: 1500, attempts: 3, failover: none}
  player>gateway: {deadline_ms: 4000, attempts: 4, failover: other-region}
"""
DIRECTORY = Directory(regions=("east", "west"), gateways={"east": ("e0", "e1"), "west": ("w0",)})


def _state_file(folder: Path, policies: str | None = None, service: str = "gateway") -> dict[str, str]:
    policies_file = ""
    if policies is not None:
        (folder / "policies.yaml").write_text(policies)
        policies_file = str(folder / "policies.yaml")
    instance = {"name": "g", "service": service, "region": "east", "address": "127.0.0.1:1", "state": "ready"}
    state = {"version": 1, "regions": ["east"], "instances": [instance], "policies_file": policies_file}
    (folder / "state.json").write_text(json.dumps(state))
    return {"CHAOS_STATE_FILE": str(folder / "state.json")}


def test_gateways_are_those_of_the_state_file(tmp_path: Path) -> None:
    directory = read_directory(_state_file(tmp_path))
    assert directory.gateways == {"east": ("http://127.0.0.1:1",)}
    assert (directory.ask_gateway.failover, directory.ask_edge.failover) == ("other-region", "next-edge")


def test_the_policies_say_when_a_player_stays(tmp_path: Path) -> None:
    directory = read_directory(_state_file(tmp_path, POLICIES))
    assert directory.edges_of(["a", "b", "c"]) == ["a"]
    assert directory.ask_edge.deadline_ms == 1500
    assert directory.ask_gateway.moves


def test_a_player_asks_no_more_servers_than_its_policy_says() -> None:
    asking = PlayerPolicy(deadline_ms=1000, attempts=2, failover="other-region")
    few = Directory(regions=DIRECTORY.regions, gateways=DIRECTORY.gateways, ask_gateway=asking)
    assert few.gateways_for("west", 0) == ("w0", "e0")
    assert DIRECTORY.edges_of(["a", "b", "c", "d", "e"]) == ["a", "b", "c", "d"]


def test_a_misspelt_failover_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoPlatform, match=r"policies.yaml cannot be read: .*nxt-edge.*player"):
        read_directory(_state_file(tmp_path, POLICIES.replace("none", "nxt-edge")))


def test_no_platform_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoPlatform, match="CHAOS_STATE_FILE is not set"):
        read_directory({})
    with pytest.raises(NoPlatform, match="cannot be read"):
        read_directory({"CHAOS_STATE_FILE": str(tmp_path / "none.json")})
    with pytest.raises(NoPlatform, match="no instance of the service gateway"):
        read_directory(_state_file(tmp_path, service="edge"))


def test_elsewhere_the_gateways_are_told_by_address() -> None:
    told = {
        "CHAOS_GATEWAYS": "east=http://10.0.0.1:80/, http://10.0.0.2:80; west=https://w",
        "CHAOS_PLAYERS": "{player>edge: {deadline_ms: 1500, attempts: 3}}",
        "CHAOS_BANKS": "http://bank:1",
        "CHAOS_STATE_FILE": "/not/looked/at",
    }
    directory = read_directory(told)
    assert directory.gateways == {"east": ("http://10.0.0.1:80", "http://10.0.0.2:80"), "west": ("https://w",)}
    assert directory.regions == ("east", "west")
    assert directory.banks == ("http://bank:1",)
    assert not directory.ask_edge.moves
    assert directory.ask_gateway.moves


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"CHAOS_GATEWAYS": "http://10.0.0.1:80"}, "not of the form REGION=URL"),
        ({"CHAOS_GATEWAYS": "east=10.0.0.1:80"}, "not of the form REGION=URL"),
        ({"CHAOS_GATEWAYS": "east="}, "names no gateway"),
        ({"CHAOS_GATEWAYS": "east=http://e", "CHAOS_PLAYERS": "{player>edge: {attempts: many}}"}, "CHAOS_PLAYERS"),
    ],
)
def test_addresses_that_are_none_are_refused(told: dict[str, str], sentence: str) -> None:
    with pytest.raises(NoPlatform, match=sentence):
        read_directory(told)


def test_a_viewer_asks_its_own_region_first_and_neighbours_begin_elsewhere() -> None:
    assert DIRECTORY.gateways_for("east", 0) == ("e0", "e1", "w0")
    assert DIRECTORY.gateways_for("east", 1) == ("e1", "e0", "w0")


def test_without_failover_it_asks_its_own_region_only() -> None:
    asking = PlayerPolicy(deadline_ms=1000, attempts=4)
    staying = Directory(regions=DIRECTORY.regions, gateways=DIRECTORY.gateways, ask_gateway=asking)
    assert staying.gateways_for("west", 3) == ("w0",)


def test_viewers_are_spread_over_regions_and_devices_by_number_and_seed() -> None:
    behaviour = shipped_behaviour()
    viewers = [Viewer.drawn(n, DIRECTORY, behaviour, Random(f"7/{n}")) for n in range(200)]
    assert [viewer.region for viewer in viewers[:4]] == ["east", "west", "east", "west"]
    assert {viewer.device.name for viewer in viewers} == {"phone", "tablet", "tv"}
    assert viewers[5] == Viewer.drawn(5, DIRECTORY, behaviour, Random("7/5"))
