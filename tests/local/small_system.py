"""A small system under the real launcher and the real proxies, for tests that break it with the real `chaos`.

Two regions with two webs and a store each; every web calls both stores over links.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chaos.environments.local import open_environment
from chaos.model.capabilities import CanKill, CanPause, CanShapeLinks
from chaos.model.environment import Environment, EnvironmentRef
from target_platform.launcher.spec import InstanceSpec, LaunchSpec, LinkSpec, ProxySpec
from tests.local.launcher_trial import SERVER

ROOT = Path(__file__).resolve().parents[2]
REGIONS = ("east", "west")


def spec(base_port: int) -> LaunchSpec:
    instances, links = [], []
    ports = iter(range(base_port, base_port + 60))
    for region in REGIONS:
        for name, service in (("web-1", "web"), ("web-2", "web"), ("store-1", "store")):
            command = (sys.executable, "-S", "-c", SERVER, "{port}")
            instances.append(
                InstanceSpec(
                    name=f"{region}/{name}",
                    service=service,
                    region=region,
                    port=next(ports),
                    command=command,
                    ready_path="",
                )
            )
    for region in REGIONS:
        for store in (each for each in instances if each.service == "store"):
            links.append(
                LinkSpec(
                    name=f"{region}/web>{store.name}",
                    source="web",
                    source_region=region,
                    destination="store",
                    destination_region=store.region,
                    destination_instance=store.name,
                    listen_port=next(ports),
                    upstream_port=store.port,
                )
            )
    proxies = tuple(ProxySpec(region=region, api_port=next(ports)) for region in REGIONS)
    return LaunchSpec(name="small", regions=REGIONS, instances=tuple(instances), links=tuple(links), proxies=proxies)


@dataclass
class SmallSystem:
    """Up from `start` to `stop`. `home` is the STEADFAST_HOME of everything that works on it."""

    home: Path
    base_port: int
    launch: Callable[[int], LaunchSpec] = spec

    @property
    def environment_variables(self) -> dict[str, str]:
        return {**os.environ, "STEADFAST_HOME": str(self.home)}

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        launch = self.home / "wanted.json"
        launch.write_bytes(msgspec.json.encode(self.launch(self.base_port)))
        proxy = json.dumps([sys.executable, "-m", "chaos.proxy", "serve"])
        said = self._launcher("up", "--spec", str(launch), "--proxy-command", proxy)
        assert said.returncode == 0, said.stdout + said.stderr

    def stop(self) -> None:
        self._launcher("down")

    def chaos(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `chaos` to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment_variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start_chaos(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `chaos` and leave it running, its output to be read."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment_variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]

    def open(self) -> Environment:
        state = str(self.home / "platform" / "state.json")
        return open_environment(EnvironmentRef(kind="local", name="local", settings={"state": state, "armed": True}))

    def broken(self) -> list[str]:
        """What is not as it should be, seen in /proc and on the links; empty when all is whole."""
        environment = self.open()
        assert isinstance(environment, CanKill)
        assert isinstance(environment, CanPause)
        assert isinstance(environment, CanShapeLinks)
        found = []
        inventory = environment.inventory()
        for instance in inventory.instances:
            identity = environment.live_identity(instance.name)
            if identity is None:
                found.append(f"{instance.name} is down")
            elif environment.process_state(identity) != "running":
                found.append(f"{instance.name} is {environment.process_state(identity)}")
        for link in inventory.links:
            round_trip_ms = environment.round_trip_ms(link.name)
            for _ in range(4):  # a busy machine makes one late, a fault all
                if round_trip_ms is not None and round_trip_ms > 250:
                    round_trip_ms = environment.round_trip_ms(link.name)
            if round_trip_ms is None or round_trip_ms > 250:
                found.append(f"{link.name} takes {round_trip_ms} ms")
        return found

    def _launcher(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "target_platform.launcher", *arguments, "--home", str(self.home / "platform")]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment_variables,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )


EVERY_FAULT = """
apiVersion: chaos/v1
kind: Experiment
name: every-fault-at-once
hypothesis: Whatever happens to the run, nothing stays broken.
steadyState:
  - name: processes are alive
    probe: {process_alive: {service: web, every: 500ms}}
    target: ">= 10%"
    minSamples: 1
method:
  - parallel:
      - fault: {kill: {}}
        target: {instance: {service: web, region: east}, amount: one}
        duration: 3s
      - fault: {pause: {}}
        target: {instance: {service: web, region: west}, amount: all}
        duration: 2s
      - fault: {latency: {delay: 500ms}}
        target: {link: {from: web, from_region: west}, amount: all}
        duration: 3s
      - fault: {region_outage: {}}
        target: {region: {name: east}}
        duration: 2s
recovery: 0s
limits: {leaseMargin: 20s}
"""
