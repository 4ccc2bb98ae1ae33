"""A user's own processes: what a file may say, what is wrong with it, and what the launcher is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from chaos.catalog import Catalog
from chaos.environments.local.own import home_of, launch_spec
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import BadInput
from chaos.spec import BadFile, load_environment
from chaos.spec.environment import read_environment
from target_platform.launcher.check import check_spec
from target_platform.launcher.spec import LaunchSpec

PYTHON = sys.executable
SHOP = f"""\
apiVersion: chaos/v1
kind: Environment
name: shop
type: local
armed: true
settings:
  distance: 30ms
  processes:
    - name: store
      command: [{PYTHON}, -m, http.server, "{{port}}"]
      port: 28000
      replicas: 2
      labels: {{tier: data}}
    - name: store-west
      service: store
      region: west
      command: {PYTHON} -m http.server {{port}}
      port: 28002
    - name: shop
      command: {PYTHON} -m shop --port {{port}} --store {{STORE}}
      port: 28010
      health: /healthz
      environment: {{MODE: test}}
      calls:
        - {{service: store, variable: STORE}}
        - {{service: store, variable: STORE_PORTS, value: "{{port}}"}}
"""


def read(text: str) -> EnvironmentRef:
    return read_environment(text, "shop.yaml", Catalog())


def launched(text: str) -> LaunchSpec:
    import msgspec

    spec = msgspec.convert(launch_spec(read(text)), LaunchSpec)
    check_spec(msgspec.structs.replace(spec, proxy_command=("proxy",)))
    return spec


def test_every_call_gets_a_link_and_the_caller_is_told_its_address_and_not_the_destinations() -> None:
    spec = launched(SHOP)
    assert [(link.name, link.listen_port, link.upstream_port, link.base_delay_ms) for link in spec.links] == [
        ("local/shop>store-1", 28011, 28000, 0.0),
        ("local/shop>store-2", 28012, 28001, 0.0),
        ("local/shop>store-west", 28013, 28002, 30.0),
    ]
    shop = next(each for each in spec.instances if each.name == "shop")
    told = "http://127.0.0.1:28011,http://127.0.0.1:28012,http://127.0.0.1:28013"
    assert shop.environment == {"MODE": "test", "PORT": "28010", "STORE": told, "STORE_PORTS": "28011,28012,28013"}
    assert shop.command == (PYTHON, "-m", "shop", "--port", "{port}", "--store", told)
    assert (shop.ready_path, shop.health_path) == ("/healthz", "/healthz")


def test_replicas_take_the_ports_that_follow_and_proxies_those_after_all() -> None:
    spec = launched(SHOP)
    assert [(each.name, each.port) for each in spec.instances] == [
        ("store-1", 28000),
        ("store-2", 28001),
        ("store-west", 28002),
        ("shop", 28010),
    ]
    assert [(each.region, each.api_port) for each in spec.proxies] == [("local", 28014)], "west calls nobody"
    assert spec.regions == ("local", "west")
    assert spec.instances[0].labels == {"tier": "data"}


def test_each_environment_has_a_folder_and_a_lock_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADFAST_HOME", str(tmp_path))
    shop, other = read(SHOP), read(SHOP.replace("name: shop\ntype", "name: other\ntype"))
    assert home_of(shop) == tmp_path / "systems" / "shop"
    bundled = EnvironmentRef(kind="local", name="local", settings={"armed": True})
    keys = {Catalog().open_environment(ref).lock_key for ref in (shop, other, bundled)}
    assert len(keys) == 3


def test_a_directory_is_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    file = tmp_path / "e.yaml"
    file.write_text(SHOP.replace("port: 28010", "port: 28010\n      directory: code"))
    spec: Any = launch_spec(load_environment(file, Catalog()))
    assert [each["directory"] for each in spec["instances"]] == [*[str(tmp_path)] * 3, str(tmp_path / "code")]


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("port: 28010", "prt: 28010", "21:7", 'did you mean "port"?'),
        ("  processes:", "  proceses:", "8:3", 'did you mean "processes"?'),
        ("port: 28010", "port: 28001", "21:13", "port 28001 is given to store-2 and to shop"),
        ("port: 28010", "port: 99999", "21:13", "at most 65535"),
        ("port: 28002", "port: eight", "18:13", '"eight" is not a number'),
        (
            "service: store, variable: STORE_P",
            "service: stor, variable: P",
            "26:21",
            "shop calls stor, which no process",
        ),
        ("name: store-west", "name: store-1", "14:13", "two instances are called store-1"),
        ("name: store\n", "name: launcher\n", "9:13", "a name of the launcher's own"),
        ("name: store\n", "name: a/b\n", "9:13", "letters, digits"),
        ("health: /healthz", "health: healthz", "22:15", '"healthz" is no path'),
        ("variable: STORE}", "variable: 1ST}", "25:38", "the name of an environment variable"),
        ("port: 28010", "port: 28010\n      after: [nobody]", "22:15", "which no process offers"),
        ("distance: 30ms", "distance: 30", "7:13", "30 has no unit"),
        ("distance: 30ms", "proxyPort: 28000", "7:14", "store-1 has 28000"),
        ("distance: 30ms", "state: /tmp/state.json", "7:10", "both state and processes"),
        ("name: shop\ntype", "name: my shop\ntype", "3:7", "cannot be a name"),
        ("replicas: 2", "replicas: 0", "12:17", "at least 1"),
    ],
)
def test_a_mistake_is_told_with_its_place(old: str, new: str, place: str, says: str) -> None:
    assert SHOP.count(old) == 1
    with pytest.raises(BadFile) as caught:
        read(SHOP.replace(old, new))
    assert f"shop.yaml:{place}: " in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (f"{PYTHON} -m shop", "no-such-program -m shop", "shop: there is no command no-such-program"),
        (f"{PYTHON} -m shop", "./missing.sh", "shop: there is no command ./missing.sh"),
        (f"{PYTHON} -m shop", f"{PYTHON} -m shop's", "its command cannot be split into words"),
        ("port: 28010", "port: 28010\n      directory: nowhere-at-all", "there is no directory"),
    ],
)
def test_what_is_not_on_this_machine_is_said_before_anything_starts(old: str, new: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        launch_spec(read(SHOP.replace(old, new)))


def test_an_environment_without_processes_has_nothing_to_start() -> None:
    with pytest.raises(BadInput, match="lists no processes"):
        launch_spec(EnvironmentRef(kind="local", name="local", settings={}))
