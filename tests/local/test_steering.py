"""A dead edge leaves the list of those that are handed out, and comes back when it does. Real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.topology import launch_spec
from target_platform.weaknesses import effective_policies

pytestmark = pytest.mark.slow
EDGES = ["us-east-1/edge-1", "us-east-1/edge-2"]
STEERING = "us-east-1/steering-1"


class Region:
    def __init__(self, home: Path) -> None:
        spec = launch_spec(home, base_port=23200)
        Path(spec.policies_file).write_text(effective_policies())
        self._home = home
        self._configs = {
            each.name: _direct(msgspec.convert(each.config, InstanceConfig))
            for each in spec.instances
            if each.name in (*EDGES, STEERING)
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        file = self._home / f"{name.replace('/', '.')}.json"
        file.write_bytes(msgspec.json.encode(self._configs[name]))
        self.processes[name] = subprocess.Popen([sys.executable, "-m", "target_platform.kit.serve", str(file)])

    def listed(self) -> list[str]:
        """Empty while steering does not answer."""
        url = f"http://127.0.0.1:{self._configs[STEERING].port}/edges/split-brain"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return [str(edge) for edge in json.loads(answer.read())["edges"]]
        except OSError:
            return []

    def seconds_until_listed(self, wanted: list[str]) -> float:
        began = time.monotonic()
        while sorted(self.listed()) != wanted:
            assert time.monotonic() - began < 20, f"listed are {self.listed()}"
            time.sleep(0.02)
        return time.monotonic() - began


def _direct(config: InstanceConfig) -> InstanceConfig:
    """Without a proxy on the links, and with no edge but those that run here."""

    def direct(endpoint: Endpoint) -> Endpoint:
        return msgspec.structs.replace(endpoint, address=endpoint.public_address)

    edges = tuple(direct(each) for each in config.endpoints.get("edge", ()) if each.instance in EDGES)
    return msgspec.structs.replace(config, endpoints={**config.endpoints, "edge": edges})


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = Region(tmp_path)
    try:
        for name in (*EDGES, STEERING):
            made.start(name)
        made.seconds_until_listed(EDGES)
        time.sleep(2)  # every edge has answered once: from here on a miss is a miss
        yield made
    finally:
        for process in made.processes.values():
            process.kill()
            process.wait()


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSTOP])
def test_an_edge_that_does_not_answer_leaves_the_list_soon_and_comes_back(
    region: Region, death: signal.Signals
) -> None:
    gone = region.processes[EDGES[0]]
    gone.send_signal(death)
    assert region.seconds_until_listed([EDGES[1]]) < 4  # 2.3 s at most, on an idle machine
    if death == signal.SIGKILL:
        gone.wait()
        region.start(EDGES[0])
    else:
        gone.send_signal(signal.SIGCONT)
    region.seconds_until_listed(EDGES)


def test_when_no_edge_answers_all_are_listed(region: Region) -> None:
    for name in EDGES:
        region.processes[name].kill()
    time.sleep(3)
    assert sorted(region.listed()) == EDGES
