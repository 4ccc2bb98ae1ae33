"""Some bundled services as processes of their own, talking directly: what a viewer gets when one is hung or dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import gevent
import msgspec
import pytest

from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.topology import launch_spec
from target_platform.viewers.accounts import Accounts
from target_platform.viewers.behaviour import Keeping, Patience, Titles, shipped_behaviour
from target_platform.viewers.directory import Directory
from target_platform.viewers.dns import Dns
from target_platform.viewers.journey import Belongings, Journey, Viewer
from target_platform.viewers.report import Reporter
from target_platform.weaknesses import effective_policies

BASE_PORT = 31000
HERE = (
    "catalog-1",
    "identity-1",
    "licence-1",
    "recommendations-1",
    "playback-1",
    "origin-1",
    "edge-1",
    "edge-2",
    "gateway-1",
)
RUNNING = (*(f"us-east-1/{name}" for name in HERE), "eu-west-1/playback-1")
SEGMENT = os.urandom(300_000)


class Platform:
    """Instances by name, started by the kit's own command line."""

    def __init__(self, home: Path) -> None:
        self.home_folder = home
        spec = launch_spec(home, BASE_PORT)
        self.configs = {
            each.name: _direct(msgspec.convert(each.config, InstanceConfig))
            for each in spec.instances
            if each.name in RUNNING
        }
        Path(spec.policies_file).write_text(effective_policies())
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        config = self.home_folder / f"{name.replace('/', '.')}.json"
        config.write_bytes(msgspec.json.encode(self.configs[name]))
        command = [sys.executable, "-m", "target_platform.kit.serve", str(config)]
        self.processes[name] = subprocess.Popen(command)

    def signal(self, name: str, number: signal.Signals) -> None:
        self.processes[name].send_signal(number)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
        for process in self.processes.values():
            process.wait()

    def ask(self, name: str, path: str, token: str = "", body: bytes | None = None) -> tuple[int, bytes]:
        url = f"http://127.0.0.1:{self.configs[name].port}{path}"
        request = urllib.request.Request(url, data=body, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def wait_until_ready(self, name: str) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self.processes[name].poll() is None, f"{name} has ended"
            try:
                if self.ask(name, "/readyz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        pytest.fail(f"{name} is not ready after 60 s")

    def home(self) -> tuple[dict[str, Any], float]:
        """The home page, and how many seconds it took."""
        began = time.monotonic()
        status, body = self.ask("us-east-1/gateway-1", "/home", self.token())
        assert status == 200, body
        return json.loads(body), time.monotonic() - began

    def token(self) -> str:
        ann = b'{"user": "ann", "password": "correct horse"}'
        status, body = self.ask("us-east-1/gateway-1", "/sign-up", body=ann)
        assert status == 201
        return str(json.loads(body)["token"])


def _direct(config: InstanceConfig) -> InstanceConfig:
    """Without a proxy on the links: to the instances' own addresses, and only to those that run here."""

    def direct(endpoint: Endpoint) -> Endpoint:
        return msgspec.structs.replace(endpoint, address=endpoint.public_address)

    endpoints = {
        service: tuple(direct(each) for each in known if each.instance in RUNNING)
        for service, known in config.endpoints.items()
    }
    return msgspec.structs.replace(config, endpoints=endpoints)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("platform")
    media = home / "us-east-1" / "media" / "720p"
    media.mkdir(parents=True)
    (media / "segment-00.ts").write_bytes(SEGMENT)
    (media / "playlist.m3u8").write_text("#EXTM3U\n#EXTINF:4,\nsegment-00.ts\n#EXT-X-ENDLIST\n")
    (media.parent / "master.m3u8").write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n720p/playlist.m3u8\n")
    made = Platform(home)
    try:
        for name in RUNNING:
            made.start(name)
        for name in RUNNING:
            made.wait_until_ready(name)
        yield made
    finally:
        made.stop()


def test_in_calm_times_a_viewer_gets_a_personal_home_page_and_a_stream(platform: Platform) -> None:
    home, _ = platform.home()
    assert home["personalised"]
    title = home["titles"][0]["id"]
    status, body = platform.ask("us-east-1/gateway-1", f"/play/{title}", platform.token(), body=b"{}")
    assert status == 200
    stream = json.loads(body)
    ports = [int(edge.rpartition(":")[2]) for edge in stream["edges"]]
    assert sorted(ports) == [platform.configs[f"us-east-1/edge-{n}"].port for n in (1, 2)]
    for edge in ("us-east-1/edge-1", "us-east-1/edge-2"):
        assert platform.ask(edge, f"/media/{title}/720p/segment-00.ts") == (200, SEGMENT)


class Screen:
    """A device that always watches the same title, and stores its licences."""

    def __init__(self, platform: Platform, number: int, patience_seconds: float) -> None:
        gateway = f"http://127.0.0.1:{platform.configs['us-east-1/gateway-1'].port}"
        self._directory = Directory(regions=("us-east-1",), gateways={"us-east-1": (gateway,)})
        patience = Patience(start_deadline_seconds=patience_seconds, stall_seconds=20, retry_pause_seconds=0.05)
        changes = {"patience": patience, "titles": Titles(zipf_exponent=50), "progress": Keeping(travel_share=0)}
        self._behaviour = msgspec.structs.replace(shipped_behaviour(), stores_licences=True, **changes)
        self._viewer = Viewer(number=number, region="us-east-1", device=self._behaviour.devices[0])
        self._belongings = Belongings(Accounts(self._behaviour.arriving), Dns(self._directory))
        self.starts: list[Exception | None] = []

    def watch(self) -> None:
        reporter = Reporter(self._fire, "us-east-1")
        journey = Journey(self._viewer, self._directory, self._behaviour, reporter, self._belongings)
        gevent.spawn(journey.travel, Random(3), 40.0).get(timeout=60)

    def _fire(self, name: str, exception: Exception | None, **_: object) -> None:
        if name == "start":
            self.starts.append(exception)


def test_who_has_stored_a_licence_plays_on_while_no_licence_server_is_left(platform: Platform) -> None:
    at_home, new = Screen(platform, 1, patience_seconds=30), Screen(platform, 2, patience_seconds=1)
    plays(at_home)
    platform.signal("us-east-1/licence-1", signal.SIGKILL)
    try:
        platform.processes["us-east-1/licence-1"].wait()
        at_home.starts.clear()
        plays(at_home)
        new.watch()
        assert None not in new.starts, "it has none, and gets none"
    finally:
        platform.start("us-east-1/licence-1")
        platform.wait_until_ready("us-east-1/licence-1")


def plays(screen: Screen) -> None:
    """One of some journeys gets as far as a picture: a busy machine may be late for the calls before it."""
    for _ in range(10):
        screen.watch()
        if None in screen.starts:
            return
    pytest.fail(f"no title starts: {screen.starts}")


def test_while_recommendations_hang_the_home_page_comes_soon_and_is_not_personal(platform: Platform) -> None:
    platform.signal("us-east-1/recommendations-1", signal.SIGSTOP)
    try:
        pages = [platform.home() for _ in range(8)]
        assert not any(home["personalised"] for home, _ in pages)
        assert max(seconds for _, seconds in pages) < 3, "what hangs, hangs for ever"
        assert min(seconds for _, seconds in pages[-4:]) < 0.2, "less than an attempt: the breaker is open by now"
        assert b'target="recommendations"} 2.0' in platform.ask("us-east-1/gateway-1", "/metrics")[1]
    finally:
        platform.signal("us-east-1/recommendations-1", signal.SIGCONT)


def test_when_recommendations_are_well_again_so_is_the_home_page(platform: Platform) -> None:
    until = time.monotonic() + 30
    while not platform.home()[0]["personalised"]:
        assert time.monotonic() < until, "the breaker does not close"
        time.sleep(0.1)


def test_when_playback_is_dead_streams_start_from_the_other_region(platform: Platform) -> None:
    platform.signal("us-east-1/playback-1", signal.SIGKILL)
    platform.processes["us-east-1/playback-1"].wait()
    status, body = platform.ask("us-east-1/gateway-1", "/play/split-brain", platform.token(), body=b"{}")
    assert status == 200
    assert json.loads(body)["region"] == "eu-west-1"


def test_told_to_stop_an_instance_ends_within_a_second(platform: Platform) -> None:
    """One of three does; all do before a busy machine's patience ends."""
    took = []
    for name in ("edge-2", "catalog-1", "licence-1"):
        process = platform.processes[f"us-east-1/{name}"]
        began = time.monotonic()
        process.terminate()
        assert process.wait(timeout=30) == 0
        took.append(time.monotonic() - began)
    assert min(took) < 1


def test_a_port_in_use_is_one_sentence(platform: Platform) -> None:
    name = "us-east-1/edge-1"
    config = platform.home_folder / "taken.json"
    config.write_bytes(msgspec.json.encode(platform.configs[name]))
    command = [sys.executable, "-m", "target_platform.kit.serve", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    port = platform.configs[name].port
    assert done.stderr == f"{name} cannot start: port {port} cannot be listened on: Address already in use\n"
