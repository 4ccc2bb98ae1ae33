"""A real Prometheus in a pod, with the configuration that is shipped; its program is copied there from this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlencode

from chaos.shipped import chart_dir
from tests.cluster.charts import run
from tests.cluster.stage import IMAGE, wait_until
from tests.prometheus import tool

NAME = "a-prometheus"
CONFIG = chart_dir("streaming-platform").parents[1] / "dashboards" / "kubernetes-scrape.yaml"
PORT = 9090

Ask = Callable[[str], list[dict[str, Any]]]


class Place(Protocol):
    @property
    def namespace(self) -> str: ...


@contextmanager
def prometheus_in(place: Place) -> Iterator[Ask]:
    """Asks it by PromQL, for what is so now. It may list the pods of its namespace alone, as an observer does."""
    program = tool("prometheus")
    there = ["kubectl", "--namespace", place.namespace]
    # The same as shipped, for the one namespace that this account may look at.
    config = CONFIG.read_text().replace("{role: pod}", f"{{role: pod, namespaces: {{names: [{place.namespace}]}}}}")
    try:
        for manifest in _manifests(place.namespace, "global: {scrape_interval: 2s}\n" + config):
            done = run([*there, "apply", "-f", "-"], json.dumps(manifest))
            assert done.returncode == 0, done.stderr
        assert run([*there, "wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=60s"]).returncode == 0
        assert run([*there, "cp", program, f"{NAME}:/data/prometheus"]).returncode == 0
        options = "--config.file=/config/prometheus.yml --storage.tsdb.path=/data/tsdb"
        begin = f"chmod +x /data/prometheus; setsid /data/prometheus {options} > /data/log 2>&1 < /dev/null &"
        assert run([*there, "exec", NAME, "--", "sh", "-c", begin]).returncode == 0
        wait_until(lambda: _asked(place, "/-/ready") is not None, 30, "it is ready")
        yield lambda query: _answer(place, query)
    finally:
        run([*there, "delete", "pod,role,rolebinding,serviceaccount,configmap", NAME, "--grace-period=0", "--force"])


def _answer(place: Place, query: str) -> list[dict[str, Any]]:
    said = _asked(place, "/api/v1/query?" + urlencode({"query": query}))
    assert said is not None, query
    found: list[dict[str, Any]] = json.loads(said)["data"]["result"]
    return found


def _asked(place: Place, path: str) -> str | None:
    """Through the API server."""
    done = run(["kubectl", "get", "--raw", f"/api/v1/namespaces/{place.namespace}/pods/{NAME}:{PORT}/proxy{path}"])
    return done.stdout if done.returncode == 0 else None


def _manifests(namespace: str, config: str) -> list[dict[str, object]]:
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": NAME}
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "3600"],
        "ports": [{"containerPort": PORT}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "config", "mountPath": "/config"}],
    }
    spec = {
        "serviceAccountName": NAME,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "config", "configMap": {"name": NAME}}],
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"prometheus.yml": config}},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**metadata, "labels": {"steadfast.dev/observer": "true"}},
            "spec": spec,
        },
    ]
