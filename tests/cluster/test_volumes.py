"""What the platform keeps, on volumes that outlive its pods: the chart's claims, bound to real ones."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chaos.environments.kubernetes.connection import clusters_of
from chaos.environments.kubernetes.objects import Node
from target_platform import services
from tests.cluster.charts import CHART, IMAGE, kubeconfig, run
from tests.cluster.stage import wait_until
from tests.cluster.volumes import volumes

pytestmark = pytest.mark.slow
REPLICAS = {"identity": 1, "history": 2}
"""Of those that keep data; all others are left out, to be quick."""

RELEASE = "kept"
CREDENTIALS = {"user": "ada", "password": "a-password-of-hers"}
WATCHED = {"position_seconds": 42.0, "at_ms": 1_700_000_000_000}
ASK = """
import sys, urllib.request
method, path, body = sys.argv[1:]
request = urllib.request.Request("http://127.0.0.1:8080" + path, body.encode() or None, method=method)
request.add_header("Content-Type", "application/json")
try:
    print(urllib.request.urlopen(request, timeout=20).read().decode())
except urllib.error.HTTPError as error:
    sys.exit(f"{error.code}: {error.read().decode()}")
"""


@dataclass(frozen=True)
class Kept:
    """The few services in one region, in a namespace of their own."""

    namespace: str
    region: str

    @property
    def pods(self) -> list[str]:
        return [f"{name}-{self.region}-{number + 1}" for name, count in REPLICAS.items() for number in range(count)]

    # parameters: a request, and the pod that is asked
    def ask(self, pod: str, method: str, path: str, body: object = None) -> Any:
        """In the pod itself, so that no other one answers in its place."""
        text = json.dumps(body) if body is not None else ""
        done = self.kubectl("exec", f"{pod}", "--", "python", "-c", ASK, method, path, text)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def kubectl(self, *arguments: str) -> Any:
        return run(["kubectl", "--namespace", self.namespace, *arguments])

    def uids(self) -> dict[str, str]:
        items = json.loads(self.kubectl("get", "pods", "--output", "json").stdout)["items"]
        return {each["metadata"]["name"]: each["metadata"]["uid"] for each in items}

    def is_ready(self) -> bool:
        items = json.loads(self.kubectl("get", "pods", "--output", "json").stdout)["items"]
        ready = [
            each["metadata"]["name"]
            for each in items
            if {"type": "Ready", "status": "True"}.items() <= _condition(each, "Ready").items()
        ]
        return sorted(ready) == sorted(self.pods)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    [cluster] = clusters_of(str(kubeconfig()), [], 20.0)
    node = min(cluster.every("/api/v1/nodes", Node), key=lambda each: each.metadata.name).metadata
    kept = Kept(f"chaos-v-{uuid.uuid4().hex[:8]}", node.labels["topology.kubernetes.io/region"])
    assert run(["kubectl", "create", "namespace", kept.namespace]).returncode == 0
    try:
        with volumes(kept.namespace, node.name, sum(REPLICAS.values())) as storage_class:
            values = _values(tmp_path_factory.mktemp("volumes"), kept.region, storage_class)
            done = run(["helm", "install", RELEASE, str(CHART), "-n", kept.namespace, "--values", str(values)])
            assert done.returncode == 0, done.stderr
            try:
                wait_until(kept.is_ready, 240, "all are ready", lambda: kept.kubectl("get", "pods,pvc,pv").stdout)
                yield kept
            finally:
                run(["helm", "uninstall", RELEASE, "-n", kept.namespace, "--wait"])
                kept.kubectl("delete", "pvc", "--all")
    finally:
        run(["kubectl", "delete", "namespace", kept.namespace, "--wait=false"])


def test_accounts_and_places_outlive_every_pod_that_kept_them(kept: Kept) -> None:
    user = kept.ask(kept.pods[0], "POST", "/accounts", CREDENTIALS)["user"]
    assert kept.ask(kept.pods[1], "PUT", "/progress/ada/a-title", WATCHED)["region"] == kept.region
    # A sibling that has just started may not have answered; what it missed it fetches soon.
    wait_until(lambda: all(_has_place(kept, pod) for pod in kept.pods[1:]), 60, "both have the place")
    before = kept.uids()
    assert kept.kubectl("delete", "pod", *kept.pods).returncode == 0
    wait_until(kept.is_ready, 240, "all are ready again", lambda: kept.kubectl("get", "pods,pvc").stdout)
    assert not set(before.values()) & set(kept.uids().values()), "each of them is another one"
    session = kept.ask(kept.pods[0], "POST", "/sessions", {**CREDENTIALS, "user": user})
    assert session["user"] == user
    for pod in kept.pods[1:]:
        assert _has_place(kept, pod), "each of the two has it on its own volume"


def _has_place(kept: Kept, pod: str) -> bool:
    return "42" in json.dumps(kept.ask(pod, "GET", "/entries/ada/a-title"))


def test_each_pod_has_a_claim_of_its_own_that_is_bound(kept: Kept) -> None:
    claims = json.loads(kept.kubectl("get", "pvc", "--output", "json").stdout)["items"]
    assert {each["metadata"]["name"] for each in claims} == {f"data-{pod}" for pod in kept.pods}
    assert {each["status"]["phase"] for each in claims} == {"Bound"}
    assert len({each["spec"]["volumeName"] for each in claims}) == len(kept.pods)


def _values(folder: Path, region: str, storage_class: str) -> Path:
    repository, _, tag = IMAGE.rpartition(":")
    values = {
        "image": {"repository": repository, "tag": tag},
        "regions": [region],
        "persistence": {"enabled": True, "storageClass": storage_class},
        "drainSeconds": 0,
        "services": {name: {"replicas": REPLICAS.get(name, 0)} for name in services.names()},
    }
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    return file


def _condition(pod: dict[str, Any], kind: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [each for each in pod["status"].get("conditions", ()) if each["type"] == kind]
    return found[0] if found else {}
