"""From the guardrail's stop to the last revert that was seen to be one. `make bench PYTEST_ARGS="-s -k abort"`."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import GuardrailStopped, Injected, Reverted
from target_platform.launcher.spec import InstanceSpec, LaunchSpec, LinkSpec, ProxySpec
from tests.local.launcher_trial import SERVER
from tests.local.small_system import SmallSystem

FAULTS = 100
RUNS = 20
PORT = 25600
EXPERIMENT = """
apiVersion: chaos/v1
kind: Experiment
name: a-hundred-faults
hypothesis: What is stopped is whole again at once.
steadyState:
  - {{name: alive, probe: {{process_alive: {{service: store}}}}, target: ">= 10%"}}
method:
  - {{fault: {{latency: {{delay: 1s}}}}, target: {{link: {{from: web}}, amount: all}}, duration: 30s}}
guardrails:
  - {{stop_file: {{path: "{stop}"}}}}
"""


class Wide(SmallSystem):
    """One store behind a hundred links of one proxy."""

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "wanted.json").write_bytes(msgspec.json.encode(_spec()))
        proxy = json.dumps([sys.executable, "-m", "chaos.proxy", "serve"])
        said = self._launcher("up", "--spec", str(self.home / "wanted.json"), "--proxy-command", proxy)
        assert said.returncode == 0, said.stdout + said.stderr


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Wide]:
    wide = Wide(tmp_path, PORT)
    try:
        wide.start()
        yield wide
    finally:
        wide.stop()


def test_abort_to_the_last_verified_revert_with_a_hundred_latencies_on_real_links(system: Wide) -> None:
    stop, file = system.home / "stop", system.home / "hundred.yaml"
    file.write_text(EXPERIMENT.format(stop=stop))
    times = []
    for _ in range(RUNS):
        stop.unlink(missing_ok=True)
        times.append(_abort_ms(system, file, stop))
    print(f"\nabort, 100 latencies on 100 links of one proxy: median {statistics.median(times):.0f} ms", end="")
    print(f", worst of {RUNS} {max(times):.0f} ms", end="")


def _abort_ms(system: Wide, file: Path, stop: Path) -> float:
    known = len(all_runs(system.home))
    run = system.start_chaos("run", str(file))
    deadline = time.monotonic() + 60
    while len(all_runs(system.home)) == known or _count(system, Injected) < FAULTS:
        assert time.monotonic() < deadline, run.communicate()
        time.sleep(0.05)
    stop.touch()
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 5, output
    events = read(all_runs(system.home)[-1].journal)
    stopped = next(event.at for event in events if isinstance(event, GuardrailStopped))
    reverted = [event.at for event in events if isinstance(event, Reverted)]
    assert len(reverted) == FAULTS
    return (max(reverted) - stopped) * 1000


def _count(system: Wide, kind: type) -> int:
    return sum(isinstance(event, kind) for event in read(all_runs(system.home)[-1].journal))


def _spec() -> LaunchSpec:
    command = (sys.executable, "-S", "-c", SERVER, "{port}")
    store = InstanceSpec(name="a/store", service="store", region="a", port=PORT, command=command, ready_path="")
    links = tuple(
        LinkSpec(
            name=f"a/web>store-{number}",
            source="web",
            source_region="a",
            destination="store",
            destination_region="a",
            destination_instance="a/store",
            listen_port=PORT + 10 + number,
            upstream_port=PORT,
        )
        for number in range(FAULTS)
    )
    proxies = (ProxySpec(region="a", api_port=PORT + 1),)
    return LaunchSpec(name="wide", regions=("a",), instances=(store,), links=links, proxies=proxies)
