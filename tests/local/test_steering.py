"""A dead edge leaves the list of those that are handed out and comes back; a slow way goes behind. Real processes."""

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
FIBRE = "us-east-1/fibre"


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

    def until_ready(self, name: str) -> None:
        ends_at = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self._configs[name].port}/readyz", timeout=5).close()
                return
            except OSError:
                assert time.monotonic() < ends_at, f"{name} is not ready"
                time.sleep(0.02)

    def say(self, kbps: dict[str, float]) -> None:
        """As a gateway does: ten players each have had so many kilobits a second from these edges."""
        ways = self._configs[STEERING].settings
        reports = [
            {"provider": FIBRE, "server": ways[f"way.{FIBRE}>{edge}"], "kbps": speed, "fetched": 30, "players": 10}
            for edge, speed in kbps.items()
        ]
        url = f"http://127.0.0.1:{self._configs[STEERING].port}/reports"
        urllib.request.urlopen(url, data=json.dumps({"reports": reports}).encode(), timeout=5).close()

    def listed(self, provider: str = "") -> list[str]:
        """Empty while steering does not answer."""
        url = f"http://127.0.0.1:{self._configs[STEERING].port}/edges/split-brain?provider={provider}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return [str(edge) for edge in json.loads(answer.read())["edges"]]
        except OSError:
            return []

    def seconds_until_listed(self, wanted: list[str]) -> float:
        began = time.monotonic()
        while sorted(self.listed()) != wanted:
            assert time.monotonic() - began < 60, f"listed are {self.listed()}"
            time.sleep(0.02)
        return time.monotonic() - began


def _direct(config: InstanceConfig) -> InstanceConfig:
    """Without a proxy on the links, and with no edge and no hub but those that run here."""

    def direct(endpoint: Endpoint) -> Endpoint:
        return msgspec.structs.replace(endpoint, address=endpoint.public_address)

    edges = tuple(direct(each) for each in config.endpoints.get("edge", ()) if each.instance in EDGES)
    return msgspec.structs.replace(config, endpoints={**config.endpoints, "edge": edges, "hub": ()})


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """Steering is the last to start: it finds every edge well, so from there on a miss is a miss."""
    made = Region(tmp_path_factory.mktemp("region"))
    try:
        for name in EDGES:
            made.start(name)
        for name in EDGES:
            made.until_ready(name)
        made.start(STEERING)
        made.until_ready(STEERING)
        yield made
    finally:
        for process in made.processes.values():
            process.kill()
            process.wait()


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSTOP])
def test_an_edge_that_does_not_answer_leaves_the_list_soon_and_comes_back(
    region: Region, death: signal.Signals
) -> None:
    assert any(seconds_until_left_out(region, death) < 4 for _ in range(3)), "2.3 s at most, on an idle machine"


def seconds_until_left_out(region: Region, death: signal.Signals) -> float:
    """The edge comes back afterwards."""
    gone = region.processes[EDGES[0]]
    gone.send_signal(death)
    seconds = region.seconds_until_listed([EDGES[1]])
    if death == signal.SIGKILL:
        gone.wait()
        region.start(EDGES[0])
    else:
        gone.send_signal(signal.SIGCONT)
    region.seconds_until_listed(EDGES)
    return seconds


def test_who_starts_next_is_not_sent_by_the_way_that_players_found_slow(region: Region) -> None:
    first, second = region.listed(FIBRE)
    ends_at = time.monotonic() + 60
    while region.listed(FIBRE) != [second, first]:
        assert time.monotonic() < ends_at, "what players say changes nothing"
        region.say({first: 900.0, second: 90_000.0})
        time.sleep(0.1)
    assert sorted(region.listed()) == EDGES, "a stranger's way is another one"


def test_when_no_edge_answers_all_are_listed(region: Region) -> None:
    """One by one: that the first is left out shows that it was missed."""
    for name, listed in zip(EDGES, ([EDGES[1]], EDGES), strict=True):
        region.processes[name].kill()
        region.seconds_until_listed(listed)
