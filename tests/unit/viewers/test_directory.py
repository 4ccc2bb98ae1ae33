"""What a player knows of the platform."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from target_platform.viewers.behaviour import shipped_behaviour
from target_platform.viewers.directory import Directory, NoPlatform, read_directory
from target_platform.viewers.journey import Viewer

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
    assert (directory.moves_to_next_edge, directory.moves_to_other_region) == (True, True)


def test_the_policies_say_when_a_player_stays(tmp_path: Path) -> None:
    policies = 'players:\n  "player>edge": {failover: none}\n  "player>gateway": {failover: other-region}\n'
    directory = read_directory(_state_file(tmp_path, policies))
    assert (directory.moves_to_next_edge, directory.moves_to_other_region) == (False, True)


def test_a_misspelt_failover_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoPlatform, match="failover is 'nxt-edge'"):
        read_directory(_state_file(tmp_path, 'players: {"player>edge": {failover: nxt-edge}}'))


def test_no_platform_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoPlatform, match="CHAOS_STATE_FILE is not set"):
        read_directory({})
    with pytest.raises(NoPlatform, match="cannot be read"):
        read_directory({"CHAOS_STATE_FILE": str(tmp_path / "none.json")})
    with pytest.raises(NoPlatform, match="no instance of the service gateway"):
        read_directory(_state_file(tmp_path, service="edge"))


def test_a_viewer_asks_its_own_region_first_and_neighbours_begin_elsewhere() -> None:
    assert DIRECTORY.gateways_for("east", 0) == ("e0", "e1", "w0")
    assert DIRECTORY.gateways_for("east", 1) == ("e1", "e0", "w0")


def test_without_failover_it_asks_its_own_region_only() -> None:
    staying = Directory(regions=DIRECTORY.regions, gateways=DIRECTORY.gateways, moves_to_other_region=False)
    assert staying.gateways_for("west", 3) == ("w0",)


def test_viewers_are_spread_over_regions_and_devices_by_number_and_seed() -> None:
    behaviour = shipped_behaviour()
    viewers = [Viewer.drawn(n, DIRECTORY, behaviour, Random(f"7/{n}")) for n in range(200)]
    assert [viewer.region for viewer in viewers[:4]] == ["east", "west", "east", "west"]
    assert {viewer.device.name for viewer in viewers} == {"phone", "tablet", "tv"}
    assert viewers[5] == Viewer.drawn(5, DIRECTORY, behaviour, Random("7/5"))
