"""Two edges, two hubs and an origin as processes of one region, and a hundred players that fetch from the edges.

The media is not encoded: files of random bytes, with the playlists and the sizes that the shipped ladder would give,
divided by `SHRUNK`, so that a catalogue that is ten times an edge's cache fits on a small disk. Players do not decode.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import gevent
import msgspec
import yaml

from target_platform import services
from target_platform.delivery.territory import Badge
from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.kit.rendezvous import steered
from target_platform.media.ladder import shipped_ladder
from target_platform.viewers.behaviour import Device, shipped_behaviour
from target_platform.viewers.fetch import Connections, RequestFailed, Route
from target_platform.viewers.player import Player, Screening
from target_platform.viewers.popularity import pick
from target_platform.viewers.report import Reporter
from target_platform.weaknesses import effective_policies
from tests.ports import free

REGION = "here"
SHRUNK = 16
EDGES = (f"{REGION}/edge-1", f"{REGION}/edge-2")
HUBS = (f"{REGION}/hub-1", f"{REGION}/hub-2")
ORIGIN = f"{REGION}/origin-1"
FIRST_PORT = 27_600
KEY = "key"


def media(folder: Path) -> int:
    """Writes the files of one title; returns their bytes."""
    ladder = shipped_ladder()
    count = ladder.clip.seconds // ladder.clip.segment_seconds
    master = ["#EXTM3U"]
    for rung in ladder.rungs:
        bits = 1000 * (rung.video_kbps + ladder.clip.audio_kbps)
        master += [f"#EXT-X-STREAM-INF:BANDWIDTH={bits},RESOLUTION={rung.width}x{rung.height}"]
        master += [f"{rung.name}/playlist.m3u8"]
        playlist = ["#EXTM3U"]
        (folder / rung.name).mkdir(parents=True)
        for number in range(count):
            playlist += [f"#EXTINF:{ladder.clip.segment_seconds},", f"segment-{number:02d}.ts"]
            size = bits * ladder.clip.segment_seconds // 8 // SHRUNK
            (folder / rung.name / f"segment-{number:02d}.ts").write_bytes(os.urandom(size))
        (folder / rung.name / "playlist.m3u8").write_text("\n".join([*playlist, "#EXT-X-ENDLIST"]))
    (folder / "master.m3u8").write_text("\n".join(master))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Stand:
    """`cache_bytes` by service. Each start is with empty caches, and nothing known of demand."""

    def __init__(self, folder: Path, titles: Sequence[str], cache_bytes: Mapping[str, int]) -> None:
        self._folder = folder
        self._titles_file = folder / "titles.yaml"
        self._titles_file.write_text(yaml.safe_dump([{"id": title} for title in titles]))
        self._cache_bytes = cache_bytes
        ports = free(FIRST_PORT)
        self._ports = {name: next(ports) for name in (ORIGIN, *HUBS, *EDGES)}
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, **changes: Mapping[str, Any]) -> None:
        """With the shipped policies but for these parts of sections."""
        policies = yaml.safe_load(effective_policies())
        for section, change in changes.items():
            policies[section] |= change
        (self._folder / "policies.yaml").write_text(yaml.safe_dump(policies))
        for known in self._folder.glob("data/*/demand.json"):
            known.unlink()
        for name, port in self._ports.items():
            config = self._folder / f"{name.rpartition('/')[2]}.json"
            config.write_bytes(msgspec.json.encode(self._config(name, port)))
            self._processes.append(subprocess.Popen([sys.executable, "-m", "target_platform.kit.serve", str(config)]))
        for name in self._ports:
            self._wait_until_ready(name)

    def stop(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait(timeout=20)
        self._processes = []
        for log in (self._folder / "logs").rglob("*"):
            if log.is_file():
                log.unlink()

    def get(self, name: str, path: str, body: Any = None) -> Any:
        data = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._ports[name]}{path}", data=data, headers=Badge(KEY).headers()
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return msgspec.json.decode(content) if content[:1] == b"{" else content.decode()

    def fill(self, seconds: float = 120) -> float:
        """Open the windows of all caches and wait until they hold what is planned for them; how long that took."""
        began = time.monotonic()
        for name in (*HUBS, *EDGES):
            self.get(name, "/fill", {"seconds": seconds})
        while any((state := self.get(name, "/fill"))["lacking"] or not state["planned"] for name in (*HUBS, *EDGES)):
            assert time.monotonic() - began < seconds, "the fill did not come to an end"
            time.sleep(0.1)
        for name in (*HUBS, *EDGES):
            self.get(name, "/fill", {"seconds": 0})
        return time.monotonic() - began

    def asked(self, how: str) -> float:
        """How many requests of viewers the edges have answered so: "hit" is without waiting for another tier."""
        wanted = f'edge_cache_total{{cache="{how}"}}'
        lines = (line for name in EDGES for line in self.get(name, "/metrics").splitlines())
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted))

    def media_bytes(self, names: Sequence[str]) -> int:
        """What these have sent of media, by their access logs."""
        return sum(each["bytes"] for name in names for each in self._served(name) if "/media/" in each["path"])

    def edges_of(self, title: str) -> list[str]:
        """Base URLs, best first."""
        known = [Endpoint(instance=name, region=REGION, address=f"127.0.0.1:{self._ports[name]}") for name in EDGES]
        return [f"http://{each.address}" for each in steered(title, known, REGION)]

    def _served(self, name: str) -> Iterator[dict[str, Any]]:
        for log in (self._folder / "logs").rglob(f"*{name.rpartition('/')[2]}*"):
            for line in log.read_bytes().splitlines():
                yield msgspec.json.decode(line)

    def _config(self, name: str, port: int) -> InstanceConfig:
        service = services.load(name.rpartition("/")[2].rpartition("-")[0])
        known = (*service.calls, *service.refers_to)
        return InstanceConfig(
            name=name,
            service=service.name,
            region=REGION,
            port=port,
            regions=(REGION,),
            policies_file=str(self._folder / "policies.yaml"),
            data_dir=str(self._folder / "data" / name.rpartition("/")[2]),
            log_dir=str(self._folder / "logs"),
            endpoints={other: self._endpoints(other) for other in known},
            settings={
                "media_dir": str(self._folder / "media"),
                "titles_file": str(self._titles_file),
                "session_key": KEY,
                "licence_secret": "secret",
                "cache_bytes": str(self._cache_bytes.get(service.name, 0)),
            },
        )

    def _endpoints(self, service: str) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(instance=name, region=REGION, address=f"127.0.0.1:{port}")
            for name, port in self._ports.items()
            if name.startswith(f"{REGION}/{service}-")
        )

    def _wait_until_ready(self, name: str) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                self.get(name, "/readyz")
                return
            except OSError:
                assert time.monotonic() < until, f"{name} is not ready after 60 s"
                time.sleep(0.05)


class Audience:
    """`count` viewers of the standard mix, for `seconds`: each watches a title, and then another one."""

    def __init__(self, stand: Stand, titles: Sequence[str], zipf_exponent: float, time_scale: float) -> None:
        self._stand = stand
        self._titles = titles
        self._zipf_exponent = zipf_exponent
        self._time_scale = time_scale
        self._behaviour = shipped_behaviour()
        self.starts_ms: list[float] = []
        self.failed = 0

    def watch(self, count: int, seconds: float, seed: str) -> None:
        viewers = [gevent.spawn(self._viewer, Random(f"{seed}/{number}")) for number in range(count)]
        gevent.sleep(seconds)
        gevent.killall(viewers)

    def _viewer(self, random: Random) -> None:
        devices = self._behaviour.devices
        [device] = random.choices(devices, [each.weight for each in devices])
        gevent.sleep(random.random() * 5 / self._time_scale)
        while True:
            gevent.sleep(2 * random.expovariate(1 / self._behaviour.browsing.think_seconds) / self._time_scale)
            self._session(pick(self._titles, self._zipf_exponent, random), device, random)

    def _session(self, title: str, device: Device, random: Random) -> None:
        segments = 1
        while random.random() > 1 / self._behaviour.browsing.mean_segments:
            segments += 1
        connections = Connections("viewer")
        reporter = Reporter(lambda **event: None, REGION)
        player = Player(connections, Route(self._stand.edges_of(title)), 2000, reporter, self._behaviour)
        screening = Screening(
            master=f"/media/{title}/master.m3u8",
            segments=segments,
            max_height=device.max_height,
            time_scale=self._time_scale,
        )
        try:
            began = time.monotonic()
            playback = player.start(screening, began + self._behaviour.patience.start_deadline_seconds)
            self.starts_ms.append(1000 * (time.monotonic() - began))
            player.watch(screening, playback)
        except RequestFailed:
            self.failed += 1
        finally:
            connections.close()
