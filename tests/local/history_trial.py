"""Histories of two regions as processes of their own; what passes between regions goes through real proxies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chaos.environments.local import data_disk
from target_platform.kit.config import Endpoint, InstanceConfig
from target_platform.launcher.bounded import bound, unbind_all
from target_platform.launcher.folder import Folder
from target_platform.launcher.spec import LinkSpec
from target_platform.topology import REGIONS, launch_spec
from target_platform.weaknesses import effective_policies

HERE, THERE = REGIONS
CUT_MS = 3500
"""So late that nobody waits for it: as good as a cut."""


class Histories:
    """Instances by name; `cut` and `heal` are about everything between the regions."""

    def __init__(self, home: Path, base_port: int, weakened: Sequence[str] = ()) -> None:
        self._home = home
        self._spec = launch_spec(home, base_port, weakened)
        Path(self._spec.policies_file).write_text(effective_policies(weakened))
        self._far = [each for each in self._spec.links if each.source == "history" and each.base_delay_ms > 0]
        self.configs = {
            each.name: _without_near_links(msgspec.convert(each.config, InstanceConfig), self._far)
            for each in self._spec.instances
            if each.service == "history"
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def of(self, region: str) -> list[str]:
        return [name for name in self.configs if name.startswith(region)]

    def start(self, *names: str) -> None:
        for name in names:
            config = self._home / f"{name.replace('/', '.')}.json"
            config.write_bytes(msgspec.json.encode(self.configs[name]))
            self.processes[name] = subprocess.Popen([sys.executable, "-m", "target_platform.kit.serve", str(config)])
        for name in names:
            self._until_answers(name, f"http://127.0.0.1:{self.configs[name].port}/readyz")

    def start_proxies(self) -> None:
        for proxy in self._spec.proxies:
            config = self._home / f"proxy-{proxy.region}.json"
            config.write_text(json.dumps({"proxies": [_carried(each) for each in self._far_of(proxy.region)]}))
            command = [
                sys.executable,
                "-m",
                "chaos.proxy",
                "serve",
                "--api-port",
                str(proxy.api_port),
                "--config",
                str(config),
            ]
            self.processes[f"proxy-{proxy.region}"] = subprocess.Popen(command)
        for proxy in self._spec.proxies:
            self._until_answers(f"proxy-{proxy.region}", f"http://127.0.0.1:{proxy.api_port}/version")

    def kill(self, *names: str) -> None:
        for name in names:
            self.processes[name].send_signal(signal.SIGKILL)
        for name in names:
            self.processes[name].wait()

    def stop(self) -> None:
        self.kill(*self.processes)

    def cut(self) -> None:
        attributes = {"latency": CUT_MS, "jitter": 0}
        toxic = {"name": "cut", "type": "latency", "stream": "downstream", "attributes": attributes}
        for url in self._proxy_urls():
            _exchange(url, "POST", toxic)

    def heal(self) -> None:
        for url in self._proxy_urls():
            _exchange(f"{url}/cut", "DELETE")

    @contextmanager
    def full(self, *names: str) -> Iterator[None]:
        """Nothing more goes onto their disks."""
        means = [data_disk.means(self.configs[name].data_dir, "trial") for name in names]
        try:
            for each in means:
                data_disk.fill(each)
            yield
        finally:
            for each in means:
                data_disk.empty(each)

    def write(self, name: str, path: str, sequence: int) -> bool:
        """Whether it was acknowledged."""
        return bool(self.acknowledged_by(name, path, sequence))

    def acknowledged_by(self, name: str, path: str, sequence: int) -> str:
        """The region that says that it keeps what is written; empty when none does."""
        body = {"position_seconds": sequence, "at_ms": 1_000 + sequence, "sequence": sequence, "session": "s"}
        try:
            return str(_exchange(self._url(name, path), "PUT", body)["region"])
        except (OSError, HTTPException):  # the latter when it dies while it answers
            return ""

    def read(self, name: str, path: str) -> int | None:
        """The sequence of what is kept, -1 for nothing; None when there is no answer."""
        try:
            kept = _exchange(self._url(name, path), "GET")
        except (OSError, HTTPException):
            return None
        return int(kept["progress"]["sequence"]) if kept["progress"] else -1

    def alone(self, name: str, path: str) -> int:
        """The sequence that this instance has by itself, whatever its sibling knows; -1 for nothing or no answer."""
        try:
            entry = _exchange(f"http://127.0.0.1:{self.configs[name].port}/entries/{path}", "GET")
        except (OSError, HTTPException):
            return -1
        return int(json.loads(entry["value"])["sequence"]) if entry else -1

    def seconds_until_read(self, name: str, path: str, sequence: int, patience: float) -> float | None:
        """How long until it is read there; None when it is not within `patience`."""
        began = time.monotonic()
        while time.monotonic() - began < patience:
            if (self.read(name, path) or 0) >= sequence:
                return time.monotonic() - began
            time.sleep(0.02)
        return None

    def _url(self, name: str, path: str) -> str:
        return f"http://127.0.0.1:{self.configs[name].port}/progress/{path}"

    def _far_of(self, region: str) -> list[LinkSpec]:
        return [each for each in self._far if each.source_region == region]

    def _proxy_urls(self) -> list[str]:
        return [
            f"http://127.0.0.1:{proxy.api_port}/proxies/{urllib.parse.quote(link.name, safe='')}/toxics"
            for proxy in self._spec.proxies
            for link in self._far_of(proxy.region)
        ]

    def _until_answers(self, name: str, url: str) -> None:
        until = time.monotonic() + 60
        while not _answers(url):
            assert time.monotonic() < until, f"{url} does not answer"
            time.sleep(0.02)
        # Not before: one that finds its port in use ends while somebody else answers there.
        assert self.processes[name].poll() is None, f"{name} has ended, and somebody else answers at {url}"


@contextmanager
def histories(home: Path, base_port: int, weakened: Sequence[str] = (), disk_bytes: int = 0) -> Iterator[Histories]:
    """With `disk_bytes` each has a disk of its own of that size. Skips the test where that cannot be had."""
    made = Histories(home, base_port, weakened)
    folder = Folder(home)
    try:
        for config in made.configs.values() if disk_bytes else ():
            if bound(Path(config.data_dir), disk_bytes, folder):
                pytest.skip("mounting a small tmpfs is not permitted here")
        made.start_proxies()
        made.start(*made.configs)
        yield made
    finally:
        made.stop()
        unbind_all(folder)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except (OSError, HTTPException):
        return False
    return True


def _without_near_links(config: InstanceConfig, far: Sequence[LinkSpec]) -> InstanceConfig:
    """Only what passes between regions goes through a proxy here."""
    carried = {f"127.0.0.1:{link.listen_port}" for link in far}

    def direct(endpoint: Endpoint) -> Endpoint:
        address = endpoint.address if endpoint.address in carried else endpoint.public_address
        return msgspec.structs.replace(endpoint, address=address)

    return msgspec.structs.replace(
        config, endpoints={"history": tuple(direct(each) for each in config.endpoints["history"])}
    )


def _carried(link: LinkSpec) -> dict[str, Any]:
    return {
        "name": link.name,
        "listen": f"127.0.0.1:{link.listen_port}",
        "upstream": f"127.0.0.1:{link.upstream_port}",
        "base_delay_ms": link.base_delay_ms,
    }


def _exchange(url: str, method: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        content = answer.read()
        return json.loads(content) if content else None
