"""A user's own processes whose links a real Toxiproxy carries: the same faults, and the same proof that they act."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from chaos.environments.local.proxy_api import Carrier, Toxic
from tests import toxiproxy
from tests.local.own_system import ROOT, chaos, write_system
from tests.local.test_kill_9 import children_of, command_line

PORT, TOXIPROXY_PORT = 30660, 30670
LINK = "local:shop>store-1"
pytestmark = pytest.mark.slow

EXPERIMENT = """\
apiVersion: chaos/v1
kind: Experiment
name: the-way-to-a-store-breaks
hypothesis: The shop answers while the way to one store is slow, silent or reset.
steadyState:
  - name: the shop answers
    probe: {http: {service: shop, path: /, timeout: 1s, every: 100ms}}
    target: ">= 80%"
    minSamples: 10
method:
"""
STEPS = """\
  - {fault: {latency: {delay: 250ms}}, target: {link: {from: shop, to_instance: store-1}}, duration: 1s}
  - {fault: black_hole, target: {link: {from: shop, to_instance: store-1}}, duration: 1s}
  - {fault: reset, target: {link: {from: shop, to_instance: store-1}}, duration: 1s}
recovery: 300ms
limits: {leaseMargin: 1s}
"""
ERRORS = "  - {fault: dependency_errors, target: {link: {from: shop, to_instance: store-1}}, duration: 1s}\n"


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with toxiproxy.real(TOXIPROXY_PORT) as address:
        yield address


@pytest.fixture(scope="module")
def shop(api: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("own")
    file = write_system(folder, PORT)
    file.write_text(f"{file.read_text()}  toxiproxy: {api}\n")
    try:
        done = chaos(folder / "home", "platform", "up", "--environment", str(file))
        assert done.returncode == 0, done.stdout + done.stderr
        yield folder
    finally:
        done = chaos(folder / "home", "platform", "down", "--environment", str(file))
        assert done.stdout == "shop is down\n", done.stderr
        assert proxies() == {}, "it lets go of what it had the Toxiproxy carry"


def proxies() -> Any:
    connection = HTTPConnection("127.0.0.1", TOXIPROXY_PORT, timeout=5)
    try:
        connection.request("GET", "/proxies")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def run(shop: Path, steps: str, command: str = "run") -> Any:
    (shop / "experiment.yaml").write_text(EXPERIMENT + steps)
    file = str(shop / "shop.yaml")
    return chaos(shop / "home", command, str(shop / "experiment.yaml"), "--environment", file, "--seed", "1")


def test_the_links_are_the_toxiproxys_and_no_process_of_ours_carries_any(shop: Path) -> None:
    assert sorted(proxies()) == [LINK, "local:shop>store-2"]
    assert proxies()[LINK]["upstream"] == f"127.0.0.1:{PORT}"
    state = json.loads((shop / "home" / "systems" / "shop" / "state.json").read_text())
    assert state["proxies"] == []


def test_latency_silence_and_resets_are_injected_seen_and_taken_back(shop: Path) -> None:
    planned = run(shop, STEPS, "plan")
    assert "lease holder" in planned.stdout, "a Toxiproxy ends nothing by itself"
    done = run(shop, STEPS)
    assert done.returncode == 0, done.stdout + done.stderr
    for fault in ("latency", "black_hole", "reset"):
        assert f"injected {fault} on local/shop>store-1" in done.stdout
    assert all(each["toxics"] == [] for each in proxies().values())


def test_what_a_toxiproxy_cannot_do_is_refused_before_anything_is_injected(shop: Path) -> None:
    done = run(shop, ERRORS)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Toxiproxy knows no requests, only bytes" in done.stdout + done.stderr


def test_a_toxiproxy_that_forgot_the_links_is_told_them_again(shop: Path) -> None:
    for name in ("local:shop%3Estore-1", "local:shop%3Estore-2"):
        connection = HTTPConnection("127.0.0.1", TOXIPROXY_PORT, timeout=5)
        connection.request("DELETE", f"/proxies/{name}")
        assert connection.getresponse().status == 204
        connection.close()
    file = str(shop / "shop.yaml")
    assert "up already" in chaos(shop / "home", "platform", "up", "--environment", file).stdout
    assert len(proxies()) == 2


def test_the_lease_holder_takes_a_toxic_off_when_run_and_guardian_are_dead(shop: Path) -> None:
    (shop / "experiment.yaml").write_text(EXPERIMENT + STEPS.replace("duration: 1s", "duration: 2s"))
    arguments = ["run", str(shop / "experiment.yaml"), "--environment", str(shop / "shop.yaml")]
    command = [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]
    environment = {**os.environ, "STEADFAST_HOME": str(shop / "home"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, cwd=shop, stdout=subprocess.DEVNULL) as process:
        until(lambda: proxies()[LINK]["toxics"])
        guardians = [pid for pid in children_of(process.pid) if "chaos.engine.guardian" in command_line(pid)]
        process.kill()
        os.kill(guardians[0], signal.SIGKILL)
    assert proxies()[LINK]["toxics"] != []
    until(lambda: not proxies()[LINK]["toxics"])


def until(true: Callable[[], object]) -> None:
    ends = time.monotonic() + 30
    while not true():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.05)


def test_a_toxic_is_put_in_place_of_one_of_its_name_and_its_removal_may_be_repeated(shop: Path, api: str) -> None:
    carrier = Carrier(api, real=True)
    link = LINK.replace(":", "/")
    for latency_ms in (1, 2):
        attributes: dict[str, int | float | str] = {"latency": latency_ms}
        toxic = Toxic(name="t", type="latency", stream="downstream", attributes=attributes, expires_at=time.time() + 9)
        carrier.put(link, toxic)
    assert [each["attributes"]["latency"] for each in proxies()[LINK]["toxics"]] == [2]
    carrier.delete(link, "t")
    carrier.delete(link, "t")
    assert proxies()[LINK]["toxics"] == []


def test_one_that_does_not_answer_is_named(shop: Path) -> None:
    file = shop / "second.yaml"
    text = (shop / "shop.yaml").read_text().replace("name: shop\ntype", "name: second\ntype")
    for port in (PORT, PORT + 2):
        text = text.replace(f"port: {port}", f"port: {port + 20}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}"
    file.write_text(text.replace(f"http://127.0.0.1:{TOXIPROXY_PORT}", dead))
    done = chaos(shop / "home", "platform", "up", "--environment", str(file))
    assert done.returncode == 4
    assert f"no proxy answers at {dead}" in done.stderr
    assert "nothing was started" in done.stderr
