"""What the local environment reads from a state file, and what it does when there is none."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chaos.environments.local import LocalEnvironment, open_environment
from chaos.faults.kill import Kill
from chaos.model.capabilities import CanFailRegion, CanKill, CanPause, CanShapeLinks, Identity
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed, SystemDown
from chaos.model.fault import Active, Lease, Undo
from chaos.model.system import JSON
from tests.unit.local_environment.test_processes import identity_of


class Folder:
    """A platform's folder with a state file of the test's making."""

    def __init__(self, path: Path) -> None:
        self.state_file = path / "state.json"
        self.state: dict[str, Any] = {
            "version": 1,
            "name": "trial",
            "launcher": {"pid": os.getpid(), "started": identity_of(os.getpid())["started"]},
            "control": str(path / "control.sock"),
            "regions": ["west", "east"],
            "instances": [],
            "links": [],
            "a field of later versions": True,
        }

    def instance(self, name: str, identity: Identity | None, **more: Any) -> None:
        given = {
            "name": name,
            "service": name.split("-")[0],
            "region": "east",
            "address": "127.0.0.1:1",
            "state": "ready",
        }
        self.state["instances"].append({**given, **(identity or {}), **more})

    def open(self, **settings: JSON) -> LocalEnvironment:
        self.state_file.write_bytes(msgspec.json.encode(self.state))
        return open_environment(
            EnvironmentRef(kind="local", name="trial", settings={"state": str(self.state_file), **settings})
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def alive() -> Iterator[Identity]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield identity_of(process.pid)
        process.kill()


def test_it_offers_what_the_local_faults_need(folder: Folder) -> None:
    environment = folder.open()
    for capability in (CanKill, CanPause, CanShapeLinks, CanFailRegion):
        assert isinstance(environment, capability)
    assert environment.lease_holder(CanPause).detached
    assert environment.lease_holder(CanKill).name == "launcher"
    assert environment.lease_holder(CanShapeLinks).name == "proxy"


def test_the_inventory_is_sorted_and_shows_only_identities_that_live(folder: Folder, alive: Identity) -> None:
    folder.instance("web-2", alive, labels={"tier": "front"}, health_path="/healthz", metrics_path="/metrics")
    folder.instance("web-1", {"pid": alive["pid"], "started": 1})
    folder.instance("store-1", None)
    inventory = folder.open().inventory()
    assert [each.name for each in inventory.instances] == ["store-1", "web-1", "web-2"]
    assert [each.identity for each in inventory.instances] == [None, None, alive]
    assert inventory.instances[2].labels == {"tier": "front"}
    assert inventory.instances[2].metrics_path == "/metrics"
    assert [each.name for each in inventory.regions] == ["east", "west"]


def test_each_call_looks_anew(folder: Folder, alive: Identity) -> None:
    environment = folder.open()
    assert environment.live_identity("web-1") is None
    folder.instance("web-1", alive)
    folder.open()
    assert environment.live_identity("web-1") == alive


def test_a_hold_counts_until_it_is_over(folder: Folder) -> None:
    folder.instance("web-1", None, holders={"a": time.time() + 60})
    folder.instance("web-2", None, holders={"a": time.time() - 1})
    environment = folder.open()
    assert environment.is_held("web-1", "a")
    assert not environment.is_held("web-1", "b"), "what another injection holds is not ours"
    assert not environment.is_held("web-2", "a")
    assert not environment.is_held("nobody", "a")


def test_a_system_of_which_nothing_runs_is_down(folder: Folder) -> None:
    folder.state["launcher"] = {"pid": os.getpid(), "started": 1}
    folder.instance("web-1", {"pid": os.getpid(), "started": 1})
    with pytest.raises(SystemDown, match="nothing of 'trial' runs") as down:
        folder.open().inventory()
    assert "chaos platform up" in down.value.hint


def test_a_system_that_is_all_held_down_is_not_down_but_broken(folder: Folder) -> None:
    folder.state["launcher"] = {"pid": os.getpid(), "started": 1}
    folder.instance("web-1", None, held_until=time.time() + 60)
    assert [each.name for each in folder.open().inventory().instances] == ["web-1"]


def test_without_a_state_file_there_is_nothing_to_undo_and_nothing_to_break(tmp_path: Path) -> None:
    settings: dict[str, JSON] = {"state": str(tmp_path / "none" / "state.json")}
    environment = open_environment(EnvironmentRef(kind="local", name="local", settings=settings))
    environment.let_go("web-1", "a")
    environment.restore_region("east", "a")
    environment.clear_link("a>b", "slow")
    assert environment.round_trip_ms("a>b") is None
    assert environment.load_settings()["CHAOS_HOST"] == ""
    with pytest.raises(SystemDown):
        environment.inventory()
    acts: list[Callable[[], None]] = [
        lambda: environment.hold_down("web-1", "a", 1e12),
        lambda: environment.fail_region("east", "a", 1e12),
        lambda: environment.delay_link("a>b", "slow", 1, 0, 1e12),
    ]
    for act in acts:
        with pytest.raises(ActionFailed) as failed:
            act()
        assert failed.value.took_effect == "no"


def test_a_state_file_that_is_no_state_is_an_error_that_names_it(folder: Folder) -> None:
    environment = folder.open()
    folder.state_file.write_text('{"instances": 5}')
    with pytest.raises(ActionFailed, match=str(folder.state_file)):
        environment.inventory()


def test_it_is_armed_only_by_a_true_word(folder: Folder) -> None:
    assert folder.open(armed=True, source="local.yaml").arming().reason == "local.yaml says `armed: true`"
    assert folder.open(armed=True).arming().armed
    for not_quite in (False, "true", 1, None):
        assert not folder.open(armed=not_quite).arming().armed
    assert not folder.open().arming().armed


def test_two_ways_to_the_same_system_have_one_lock(folder: Folder, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    other = open_environment(EnvironmentRef(kind="local", name="other", settings={"state": str(link / "state.json")}))
    assert folder.open().lock_key == other.lock_key


def test_without_a_setting_it_is_the_bundled_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADFAST_HOME", str(tmp_path))
    environment = open_environment(EnvironmentRef(kind="local", name="local", settings={"state": ""}))
    assert environment.lock_key == os.path.realpath(tmp_path / "platform" / "state.json")


def test_an_instance_that_is_held_and_yet_runs_is_neither_killed_nor_back(folder: Folder, alive: Identity) -> None:
    lease = Lease("a run", "1.1", time.time() + 60)
    undo = Undo(target="web-1", lease=lease, data={"identity": {"pid": os.getpid(), "started": 1}})
    folder.instance("web-1", alive, holders={lease.holder: time.time() + 60})
    assert Kill().active(folder.open(), undo).active is Active.UNKNOWN
    folder.state["instances"][0].update(pid=None, started=None)
    assert Kill().active(folder.open(), undo).active is Active.YES
    before = Undo(target="web-1", lease=lease, data={"identity": {**alive}})
    assert Kill().active(folder.open(), before).active is Active.UNKNOWN, "the launcher's word that it is gone is none"
    folder.state["instances"][0].update(holders={})
    assert Kill().active(folder.open(), undo).active is Active.UNKNOWN, "let go, but not yet back"


def test_load_is_told_where_the_first_gateway_is(folder: Folder) -> None:
    folder.instance("edge-1", None, address="127.0.0.1:1")
    folder.instance("gateway-1", None, address="127.0.0.1:2")
    settings = folder.open().load_settings()
    assert settings == {"CHAOS_STATE_FILE": str(folder.state_file), "CHAOS_HOST": "http://127.0.0.1:2"}


def test_nobody_at_the_control_socket_means_that_nothing_was_changed(folder: Folder) -> None:
    folder.instance("web-1", None)
    with pytest.raises(ActionFailed, match="did not hold") as failed:
        folder.open().hold_down("web-1", "a", time.time() + 60)
    assert failed.value.took_effect == "no"
