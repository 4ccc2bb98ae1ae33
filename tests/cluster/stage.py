"""What the tests of this folder stand on: a namespace of their own, made and removed through the API."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chaos.environments.kubernetes import KubernetesEnvironment, answers
from chaos.environments.kubernetes.connection import Cluster, clusters_of
from chaos.environments.kubernetes.objects import Workload
from chaos.journal.runs import all_runs
from chaos.model.environment import EnvironmentRef
from chaos.model.residue import Residue
from chaos.model.system import JSON

IMAGE = "python:3.11-slim-bookworm"
REPLICAS = 3
PATIENT = [
    {"key": f"node.kubernetes.io/{why}", "operator": "Exists", "effect": "NoExecute"}
    for why in ("not-ready", "unreachable")
]
"""A machine that is so busy that a kubelet falls silent, or one whose power we cut, must not cost a pod its place."""
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
SOON_SECONDS = 30.0
"""Within which a keeper has looked, also on a machine that is busy. Nobody else would ever act in its place."""
EXPERIMENT = """
apiVersion: chaos/v1
kind: Experiment
name: {name}
hypothesis: Something of it keeps running.
steadyState:
  - name: some pods run
    probe: {{process_alive: {{every: 500ms}}}}
    target: ">= 30%"
    minSamples: 1
method:
  - fault: {fault}
    target: {target}
    duration: {duration}
recovery: 0s
limits: {{leaseMargin: {margin}, maxTargets: 100%}}
"""


def the_kubeconfig() -> Path:
    """Skips the test when none is named: no test looks for a cluster by itself."""
    found = os.environ.get("KUBECONFIG")
    if not found:
        pytest.skip("no cluster: KUBECONFIG is not set")
    return Path(found)


@dataclass
class Stage:
    kubeconfig: Path
    namespace: str
    folder: Path
    home: Path = field(init=False)
    """Each test has one of its own: a run that a failed test has left must not be in the way of the next."""

    def __post_init__(self) -> None:
        self.home = self.folder / "home"

    @property
    def cluster(self) -> Cluster:
        [cluster] = clusters_of(str(self.kubeconfig), [], 20.0)
        return cluster

    def start(self) -> None:
        labels = {"steadfast.dev/armed": "true"}
        self.cluster.create("/api/v1/namespaces", {"metadata": {"name": self.namespace, "labels": labels}})
        self.cluster.create(DEPLOYMENTS.format(self.namespace), deployment("web", REPLICAS))
        self.wait_until_ready()

    def stop(self) -> None:
        self.cluster.delete(f"/api/v1/namespaces/{self.namespace}")

    def ref(self, **settings: JSON) -> EnvironmentRef:
        given: dict[str, JSON] = {"namespaces": [self.namespace], "kubeconfig": str(self.kubeconfig), "armed": True}
        return EnvironmentRef(kind="kubernetes", name="stage", settings={**given, **settings})

    def environment(self, **settings: JSON) -> KubernetesEnvironment:
        return KubernetesEnvironment(self.ref(**settings))

    def workload(self) -> Workload:
        return self.cluster.get(DEPLOYMENTS.format(self.namespace) + "/web", Workload)

    def residues(self, environment: KubernetesEnvironment | None = None) -> tuple[Residue, ...]:
        """What is left of this stage's own. Nodes have no namespace: what others hold there is none of ours."""
        ours = {self.namespace, *(directory.run for directory in all_runs(self.home))}
        found = (environment or self.environment()).residues()
        return tuple(
            each for each in found if not each.target.startswith("node/") or each.holder.partition("/")[0] in ours
        )

    @property
    def a_node(self) -> str:
        """One on which a pod runs: tests move pods about, so each looks where they are now."""
        return min(each.labels["node"] for each in self.environment().inventory().instances if each.identity)

    @property
    def a_region(self) -> str:
        """One in which a pod runs."""
        return min(each.region for each in self.environment().inventory().instances if each.identity)

    def wait_until_ready(self, seconds: float = 240.0) -> None:
        def ready() -> bool:
            found = self.workload()
            pods = self.environment().looks()[0].pods  # none that is still ending, either
            return found.spec.replicas == found.status.ready_replicas == len(pods) == REPLICAS

        wait_until(ready, seconds, "all pods are ready")

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def environment_file(self, name: str = "stage.yaml", armed: bool = True, **settings: str) -> Path:
        """An environment file; settings are YAML."""
        given = {"namespaces": f"[{self.namespace}]", "kubeconfig": str(self.kubeconfig), **settings}
        lines = [f"  {key}: {value}" for key, value in given.items()]
        head = ["apiVersion: chaos/v1", "kind: Environment", "name: stage", "type: kubernetes"]
        return self.file(name, "\n".join([*head, f"armed: {str(armed).lower()}", "settings:", *lines]) + "\n")

    # parameters: what an experiment of one step consists of
    def experiment(self, name: str, fault: str, target: str, duration: str = "2s", margin: str = "10s") -> Path:
        text = EXPERIMENT.format(name=name, fault=fault, target=target, duration=duration, margin=margin)
        return self.file(f"{name}.yaml", text)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]

    def chaos(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def variables(self) -> dict[str, str]:
        return {**os.environ, "STEADFAST_HOME": str(self.home)}


def deployment(name: str, replicas: int) -> dict[str, object]:
    """Pods that answer at a port, and end at once when told to."""
    labels = {"app": name, "app.kubernetes.io/name": name}
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/region",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": name}},
    }
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "http.server", "8000"],
        "ports": [{"containerPort": 8000, "name": "http"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    }
    pod = {"terminationGracePeriodSeconds": 1, "topologySpreadConstraints": [spread], "containers": [container]}
    pod |= {"tolerations": PATIENT}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels, "annotations": {"steadfast.dev/calls": name}},
                "spec": pod,
            },
        },
    }


def wait_until(holds: Callable[[], bool], seconds: float, what: str, seen: Callable[[], str] = str) -> None:
    """`seen` adds what there was instead."""
    deadline = time.monotonic() + seconds
    while not _now(holds):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what} {seen()}"
        time.sleep(0.2)


def _now(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except answers.NotThere:
        return False
