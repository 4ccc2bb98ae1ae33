"""A system that was not written here is kept running, broken and measured as the bundled one is."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.own_system import chaos, write_system

PORT = 28100
pytestmark = pytest.mark.slow

EXPERIMENT = """\
apiVersion: chaos/v1
kind: Experiment
name: a-store-dies
hypothesis: The shop answers while a store is dead, and while the way to one is slow.
steadyState:
  - name: the shop answers
    probe: {http: {service: shop, path: /, timeout: 1s, every: 100ms}}
    target: ">= 80%"
    minSamples: 10
  - name: customers are served
    probe: {load_ratio: {request: look}}
    target: ">= 95%"
    minSamples: 20
load: {locustfile: locustfile.py, users: 2, warmUp: 500ms, baseline: 500ms, drain: 1s}
method:
  - {fault: kill, target: {instance: {service: store}}, duration: 1s}
  - {fault: {latency: {delay: 800ms}}, target: {link: {from: shop, to_instance: store-1}}, duration: 1s}
recovery: 500ms
"""


class Shop:
    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.file = str(write_system(folder, PORT))
        self.experiment = folder / "experiment.yaml"
        self.experiment.write_text(EXPERIMENT)

    def platform(self, *arguments: str) -> str:
        done = chaos(self.home, "platform", *arguments, "--environment", self.file)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("own"))
    try:
        made.platform("up")
        yield made
    finally:
        assert made.platform("down") == "shop is down\n"


def test_it_is_kept_running_in_a_folder_of_its_own(shop: Shop) -> None:
    status = json.loads(shop.platform("status", "--json"))
    assert status["ready"]
    assert [each["name"] for each in status["state"]["instances"]] == ["store-1", "store-2", "shop"]
    assert (shop.home / "systems" / "shop" / "state.json").exists()
    assert not (shop.home / "platform").exists()
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT + 2}/relay.py", timeout=20) as answer:
        assert b"class Relay" in answer.read(), "store serves the folder of the environment file, through the relay"
    assert '"GET /relay.py HTTP/1.1" 200' in shop.platform("logs", "store-1")
    assert "up already" in shop.platform("up")


def test_faults_on_processes_and_on_links_work_on_it_and_its_own_locustfile_measures(shop: Shop) -> None:
    done = chaos(shop.home, "run", str(shop.experiment), "--environment", shop.file, "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "injected kill on store-" in done.stdout
    assert "injected latency on local/shop>store-1" in done.stdout


def test_other_processes_under_the_same_name_are_refused_while_these_run(shop: Shop) -> None:
    other = Path(shop.file).with_name("other.yaml")
    other.write_text(Path(shop.file).read_text().replace(f"port: {PORT + 2}", f"port: {PORT + 30}"))
    done = chaos(shop.home, "platform", "up", "--environment", str(other))
    assert done.returncode == 4
    assert f"`chaos platform down --environment {other}`" in done.stderr


def test_weaknesses_are_the_bundled_platforms_alone(shop: Shop) -> None:
    done = chaos(shop.home, "run", str(shop.experiment), "--environment", shop.file, "--weaken", "no-edge-failover")
    assert done.returncode == 2
    assert "shop has no weaknesses" in done.stderr


def test_a_port_that_somebody_else_has_is_named_with_the_file_that_asked_for_it(shop: Shop) -> None:
    other = Path(shop.file).with_name("second.yaml")
    other.write_text(Path(shop.file).read_text().replace("name: shop\ntype", "name: second\ntype"))
    done = chaos(shop.home, "platform", "up", "--environment", str(other))
    assert done.returncode == 4
    assert f"port {PORT}" in done.stderr
    assert f"choose other ports in {other}" in done.stderr
