"""Choosing among 10,000 pods, beside chaostoolkit-kubernetes. `make bench PYTEST_ARGS="-s -k kubernetes"`.

Needs a real API server (KUBECONFIG) that may be filled: nodes without a kubelet, and pods on them that tolerate that.
CHAOSTOOLKIT_PYTHON names the interpreter of a virtual environment with chaostoolkit-kubernetes; without it one is made.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chaos.environments.kubernetes.connection import Cluster, Request, clusters_of
from chaos.environments.kubernetes.objects import Named
from tests.cluster.stage import the_kubeconfig

PODS = int(os.environ.get("BENCH_PODS", "10000"))
NODES, SERVICES, ROUNDS = 100, 20, 3
REGIONS = ("bench-1", "bench-2")
OURS = """
import json, os, resource, sys, time
began, used = time.perf_counter(), time.process_time()
from chaos.catalog import Catalog
from chaos.engine.plan import choose, matching
from chaos.model.environment import EnvironmentRef
from chaos.model.experiment import Amount, Selector
settings = {"namespaces": [sys.argv[1]], "selector": "bench=yes"}
environment = Catalog().open_environment(EnvironmentRef(kind="kubernetes", name="bench", settings=settings))
asked = time.perf_counter()
inventory = environment.inventory()
selector = Selector(kind="instance", labels={"service": ("service-7",)}, amount=Amount("count", count=5))
chosen = choose(matching(selector, inventory), selector, "1")
done = time.perf_counter()
"""
THEIRS = """
import json, os, random, resource, sys, time
began, used = time.perf_counter(), time.process_time()
from kubernetes import client
from chaosk8s import create_k8s_api_client
from chaosk8s.pod.actions import _select_pods
api = client.CoreV1Api(create_k8s_api_client({}))
asked = time.perf_counter()
chosen = _select_pods(api, label_selector="bench=yes", rand=True, qty=5, ns=sys.argv[1])
done = time.perf_counter()
"""
END = """
assert len(chosen) == 5, chosen
print(json.dumps({"all": done - began, "choosing": done - asked, "cpu": time.process_time() - used,
    "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


@pytest.fixture(scope="module")
def full() -> Iterator[str]:
    """The name of a namespace with that many running pods, which is removed at the end with the nodes."""
    [cluster] = clusters_of(str(the_kubeconfig()), [], 60.0)
    name = f"chaos-bench-{uuid.uuid4().hex[:6]}"
    nodes = [f"{name}-{number}" for number in range(NODES)]
    cluster.create("/api/v1/namespaces", {"metadata": {"name": name}})
    try:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda each: cluster.create("/api/v1/nodes", node(each)), nodes))
            list(pool.map(lambda number: run_pod(cluster, name, number, nodes[number % NODES]), range(PODS)))
        yield name
    finally:
        empty(cluster, f"/api/v1/namespaces/{name}/pods")
        cluster.delete(f"/api/v1/namespaces/{name}")
        for each in nodes:
            cluster.delete(f"/api/v1/nodes/{each}")


def test_choosing_among_ten_thousand_pods(full: str, tmp_path: Path) -> None:
    other = os.environ.get("CHAOSTOOLKIT_PYTHON") or installed(tmp_path / "other")
    ours = [measured(sys.executable, OURS + END, full) for _ in range(ROUNDS)]
    theirs = [measured(other, THEIRS + END, full) for _ in range(ROUNDS)]
    for who, rounds in (("steadfast", ours), ("chaostoolkit-kubernetes", theirs)):
        middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        print(
            f"\n{who}: chosen among {PODS:,} pods in {middle['choosing']:.2f} s, whole process {middle['all']:.2f} s, "
            f"{middle['cpu']:.2f} s of CPU, {middle['mib']:.0f} MiB at most",
            end="",
        )
    share = statistics.median(each["choosing"] for each in ours) / statistics.median(
        each["choosing"] for each in theirs
    )
    print(f"\nours is {share:.0%} of the other's time")
    assert share <= 0.25
    assert max(each["mib"] for each in ours) < 200


def empty(cluster: Cluster, pods: str) -> None:
    """In parts: the server gives up on a request after a minute."""
    while cluster.every(pods, Named, partial=True):
        query = {"gracePeriodSeconds": 0, "limit": 500}
        cluster.send(Request(method="DELETE", path=pods, query=query, patience_seconds=120.0))


def measured(python: str, code: str, namespace: str) -> dict[str, float]:
    done = subprocess.run([python, "-c", code, namespace], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def installed(folder: Path) -> str:
    """The interpreter of a virtual environment with what is compared with, and nothing of ours."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = ["chaostoolkit-kubernetes", "setuptools", "python-dateutil<3"]
    subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", *wanted], check=True)
    return str(folder / "bin" / "python")


def node(name: str) -> dict[str, object]:
    region = REGIONS[int(name.rpartition("-")[2]) % len(REGIONS)]
    labels = {"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": f"{region}a"}
    taint = {"key": "steadfast.dev/bench", "effect": "NoSchedule"}  # nobody else's pods belong there
    return {"metadata": {"name": name, "labels": labels}, "spec": {"taints": [taint]}}


def run_pod(cluster: Cluster, namespace: str, number: int, on: str) -> None:
    """A pod as a chart would make it, said to be running."""
    service = f"service-{number % SERVICES}"
    name = f"{service}-{number}"
    pods = f"/api/v1/namespaces/{namespace}/pods"
    cluster.create(pods, {"metadata": metadata(name, service), "spec": spec(on)})
    started = "2026-01-01T00:00:00Z"
    running = {"state": {"running": {"startedAt": started}}, "ready": True, "restartCount": 0, "imageID": "x"}
    conditions = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    status = {
        "phase": "Running",
        "podIP": f"10.99.{number // 250}.{number % 250}",
        "startTime": started,
        "conditions": [{"type": each, "status": "True", "lastTransitionTime": started} for each in conditions],
        "containerStatuses": [{"name": "main", "image": "service:1", **running}],
    }
    cluster.patch(f"{pods}/{name}/status", {"status": status})


def metadata(name: str, service: str) -> dict[str, object]:
    labels = {"bench": "yes", "app.kubernetes.io/name": service, "app.kubernetes.io/part-of": "bench"}
    return {"name": name, "labels": labels, "annotations": {"prometheus.io/path": "/metrics"}}


def spec(on: str) -> dict[str, object]:
    get = {"path": "/readyz", "port": 8000}
    container = {
        "name": "main",
        "image": "service:1",
        "ports": [{"containerPort": 8000}],
        "env": [{"name": f"SETTING_{number}", "value": "a value"} for number in range(5)],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "readinessProbe": {"httpGet": get},
        "livenessProbe": {"httpGet": get},
    }
    return {"nodeName": on, "containers": [container], "tolerations": [{"operator": "Exists"}]}
