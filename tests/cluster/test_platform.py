"""The platform on a real cluster, as `chaos platform up` brings it up and as viewers see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos.catalog import Catalog
from chaos.environments.kubernetes import KubernetesEnvironment
from chaos.model.experiment import Load
from chaos.shipped import chart_dir
from chaos.spec import load_environment
from tests.cluster.charts import IMAGE, PODS, WORKLOADS, kubeconfig, run
from tests.cluster.prometheus_pod import prometheus_in
from tests.cluster.stage import wait_until
from tests.local.load_trial import collect, finish, started, streams_of

pytestmark = pytest.mark.slow

ENVIRONMENT = """
apiVersion: chaos/v1
kind: Environment
name: trial
type: kubernetes
armed: true
settings:
  namespaces: [{namespace}]
  selector: app.kubernetes.io/part-of=streaming-platform
  {more}
"""
WATCHED = """
apiVersion: chaos/v1
kind: Experiment
name: watched
hypothesis: Most titles start while an edge is gone.
steadyState:
  - {name: titles start, probe: {load_ratio: {request: start}}, target: ">= 60%", minSamples: 20}
load: {locustfile: viewers, arrivals: 5/s, timeScale: 6, warmUp: 2s, baseline: 3s, drain: 3s}
method:
  - {fault: kill, target: {instance: {service: edge}}, duration: 6s}
recovery: 2s
"""
COMMAND = [sys.executable, "-c", "from chaos.cli import main; main()"]
REGIONS = ("eu-west-1", "us-east-1")


@dataclass(frozen=True)
class Trial:
    """A namespace for the platform, and its environment file."""

    namespace: str
    file: Path

    def chaos(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def platform(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        first, *rest = arguments
        return self.chaos("platform", first, "--environment", str(self.file), *rest, **variables)

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "--namespace", self.namespace, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "--output", "json").stdout)["items"]

    def environment(self) -> KubernetesEnvironment:
        return KubernetesEnvironment(load_environment(self.file, Catalog()))


def trial(folder: Path, more: str = "") -> Trial:
    kubeconfig()
    namespace = f"chaos-test-{uuid.uuid4().hex[:8]}"
    file = folder / f"{namespace}.yaml"
    file.write_text(ENVIRONMENT.format(namespace=namespace, more=more))
    return Trial(namespace, file)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Up for all tests of this file; that `down` leaves nothing is looked at when it goes."""
    empty = trial(tmp_path_factory.mktemp("platform"))
    try:
        done = empty.platform("up", *_image())
        assert done.returncode == 0, done.stdout + done.stderr
        yield empty
    finally:
        done = empty.platform("down")
    assert done.returncode == 0, done.stderr
    assert empty.kubectl("get", "namespace", empty.namespace).returncode != 0
    assert "was not up" in empty.platform("down").stdout


def _image() -> tuple[str, ...]:
    repository, _, tag = IMAGE.rpartition(":")
    return ("--set", f"image.repository={repository}", "--set", f"image.tag={tag}")


def test_every_pod_is_ready_at_its_first_start_and_in_its_region(platform: Trial) -> None:
    regions = {
        node["metadata"]["name"]: node["metadata"]["labels"]["topology.kubernetes.io/region"]
        for node in platform.get("nodes")
    }
    pods = platform.get("pods")
    assert len(pods) == PODS
    for pod in pods:
        assert regions[pod["spec"]["nodeName"]] == pod["metadata"]["labels"]["steadfast.dev/region"]
        assert sum(each["restartCount"] for each in pod["status"]["containerStatuses"]) == 0


def test_status_says_so_and_again_up_changes_nothing(platform: Trial) -> None:
    status = platform.platform("status", "--json")
    assert status.returncode == 0
    seen = json.loads(status.stdout)
    assert (seen["ready"], len(seen["workloads"]), seen["weakened"]) == (True, WORKLOADS, [])
    before = {pod["metadata"]["uid"] for pod in platform.get("pods")}
    assert platform.platform("up", *_image()).returncode == 0
    assert {pod["metadata"]["uid"] for pod in platform.get("pods")} == before


def test_viewers_are_served_in_both_regions(platform: Trial, tmp_path: Path) -> None:
    settings = platform.environment().load_settings()
    load = Load(locustfile="viewers", arrivals_per_second=6, time_scale=8, drain_seconds=6)
    with started(load, tmp_path, 0, **settings) as source:
        reports = collect(source, 12) + finish(source)
    for name in ("sign_up", "session", "home", "play", "licence", "start", "segment"):
        streams = streams_of(reports, name)
        assert {stream.region for stream in streams} == set(REGIONS), name
        failed, asked = sum(stream.failures for stream in streams), sum(stream.count for stream in streams)
        assert failed <= 0.02 * asked, (name, failed, asked, [report.failures for report in reports])


def test_the_inventory_knows_every_pod_and_every_declared_call(platform: Trial) -> None:
    inventory = platform.environment().inventory()
    assert len(inventory.instances) == PODS
    assert ("gateway", "billing") in {(link.source, link.destination) for link in inventory.links}
    assert ("billing", "gateway") not in {(link.source, link.destination) for link in inventory.links}


def test_what_is_not_declared_is_not_let_through(platform: Trial) -> None:
    """gateway calls catalog; catalog calls nobody, and payment has one caller."""
    wait_until(lambda: _answer(platform, "gateway", "catalog") == "200", 90, "catalog answers a gateway")
    assert _answer(platform, "catalog", "gateway") == "timed out"
    assert _answer(platform, "gateway", "payment") == "timed out"


def test_a_pod_can_neither_write_its_system_nor_speak_to_the_api(platform: Trial) -> None:
    pod = _pod_of(platform, "edge")
    written = platform.kubectl("exec", pod, "--", "touch", "/opt/steadfast/mine")
    assert "Read-only file system" in written.stderr
    assert platform.kubectl("exec", pod, "--", "id", "-u").stdout.strip() == "10001"
    assert platform.kubectl("exec", pod, "--", "ls", "/var/run/secrets/kubernetes.io").returncode != 0


def test_kill_9_of_a_weakened_run_gives_the_protections_back(platform: Trial, tmp_path: Path) -> None:
    def weakened() -> list[str]:
        said: list[str] = json.loads(platform.platform("status", "--json").stdout)["weakened"]
        return said

    command = ["run", "region-loss", "--environment", str(platform.file), "--weaken", "no-region-failover"]
    variables = {**os.environ, "STEADFAST_HOME": str(tmp_path)}
    run = subprocess.Popen([*COMMAND, *command], env=variables, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: weakened() == ["no-region-failover"], 240, "the platform is weakened")
    finally:
        run.kill()
        run.wait()
    wait_until(lambda: weakened() == [], 240, "the protections are being given back")
    wait_until(lambda: not list((tmp_path / "weakened").iterdir()), 400, "every pod is ready with its protections")
    assert platform.platform("status").returncode == 0


def test_an_image_that_is_not_there_is_said_with_what_helps(tmp_path: Path) -> None:
    nowhere = trial(tmp_path)
    try:
        done = nowhere.platform("up", "--set", "image.tag=of-another-day,image.pullPolicy=Never,regions={us-east-1}")
        assert done.returncode == 3
        assert "the image steadfast:of-another-day of pod" in done.stderr
        assert "kind load docker-image steadfast:of-another-day" in done.stderr
    finally:
        assert nowhere.platform("down").returncode == 0


def test_a_region_without_a_node_is_said_with_what_helps(tmp_path: Path) -> None:
    nowhere = trial(tmp_path)
    try:
        done = nowhere.platform("up", "--set", "regions={mars}", *_image())
        assert done.returncode == 3
        assert "no node takes pod" in done.stderr
        assert "kubectl label node NAME topology.kubernetes.io/region=mars" in done.stderr
    finally:
        assert nowhere.platform("down").returncode == 0


def test_a_wrong_context_an_unknown_weakness_and_a_missing_helm_are_bad_input(tmp_path: Path) -> None:
    elsewhere = trial(tmp_path, "contexts: [{name: no-such-context}]")
    done = elsewhere.platform("up")
    assert (done.returncode, "no-such-context" in done.stderr) == (2, True), done.stderr
    here = trial(tmp_path)
    done = here.platform("status", PATH="/nowhere")
    assert (done.returncode, "kubectl is not installed" in done.stderr) == (2, True), done.stderr
    try:
        done = here.platform("up", "--weaken", "no-such-thing")
        assert (done.returncode, 'there is no weakness "no-such-thing"' in done.stderr) == (2, True), done.stderr
    finally:
        assert here.platform("down").returncode == 0


def test_a_job_in_the_cluster_asks_with_viewers_of_its_own(platform: Trial, tmp_path: Path) -> None:
    """They find the gateways by their Services, and the platform lets them in."""
    repository, _, tag = IMAGE.rpartition(":")
    values = {
        "image": {"repository": repository, "tag": tag},
        "environment": {"namespaces": [platform.namespace], "selector": "app.kubernetes.io/part-of=streaming-platform"},
        "rights": {"faults": ["kill"]},
        "keeper": {"enabled": False},
        "experiments": {"files": {"watched.yaml": WATCHED}},
        "job": {"enabled": True, "experiments": ["watched.yaml"], "workers": 2},
    }
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    release = f"{platform.namespace}-job"
    command = ["helm", "install", release, str(chart_dir("chaos")), "--values", str(file)]
    try:
        assert run([*command, "--namespace", platform.namespace]).returncode == 0
        selector = f"app.kubernetes.io/instance={release}"
        done = platform.kubectl("wait", "--for=condition=Complete", "job", "--selector", selector, "--timeout=240s")
        log = platform.kubectl("logs", "--selector", selector, "--tail=-1").stdout
        assert done.returncode == 0, log + done.stderr
        assert "Held:" in log
        assert "injected kill on edge-" in log
        assert "titles start" in log
    finally:
        run(["helm", "uninstall", release, "--namespace", platform.namespace, "--wait"])


def test_prometheus_in_the_cluster_finds_every_pod_by_the_configuration_that_is_shipped(platform: Trial) -> None:
    with prometheus_in(platform) as ask:
        wait_until(lambda: len(ask('up{job="streaming-platform"} == 1')) == PODS, 240, "all pods are scraped")
        series = ask("count by (service, region) (up)")
        assert len(series) == WORKLOADS
        assert {each["metric"]["region"] for each in series} == set(REGIONS)
        assert ask("sum by (service, region) (calls_total)"), "what the dashboards ask for has the labels they ask with"


def _pod_of(platform: Trial, service: str) -> str:
    selector = f"app.kubernetes.io/name={service},steadfast.dev/region=us-east-1"
    return str(platform.get("pods", "--selector", selector)[0]["metadata"]["name"])


def _answer(platform: Trial, source: str, destination: str) -> str:
    """What a pod of one service gets from another one: an HTTP status, or why none."""
    code = (
        "import sys, urllib.request\n"
        "try: print(urllib.request.urlopen(sys.argv[1], timeout=2).status)\n"
        "except OSError as error: print('timed out' if 'timed out' in str(error) else error)"
    )
    url = f"http://{destination}-us-east-1.{platform.namespace}.svc.cluster.local:8080/healthz"
    done = platform.kubectl("exec", _pod_of(platform, source), "--", "python", "-c", code, url)
    return done.stdout.strip() or done.stderr
