"""A real Prometheus in a pod, with the configuration that is shipped; its program is copied there from this machine.

Debian's program is built without the discovery of pods. So what that would find is written into a file, under the names
that Prometheus documents for the role `pod`; everything from there on, which is all that we ship, is Prometheus's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlencode

import yaml

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
    """Asks it by PromQL, for what is so now."""
    program = tool("prometheus")
    there = ["kubectl", "--namespace", place.namespace]
    config = yaml.safe_load(CONFIG.read_text())
    [job] = config["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    job["file_sd_configs"] = [{"files": ["/config/pods.json"]}]
    config["global"] = {"scrape_interval": "2s"}
    pods = json.loads(run([*there, "get", "pods", "--output", "json"]).stdout)["items"]
    files = {"prometheus.yml": json.dumps(config), "pods.json": json.dumps([_found(pod) for pod in pods])}
    try:
        for manifest in _manifests(files):
            done = run([*there, "apply", "-f", "-"], json.dumps(manifest))
            assert done.returncode == 0, done.stderr
        assert run([*there, "wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=240s"]).returncode == 0
        assert run([*there, "cp", program, f"{NAME}:/data/prometheus"]).returncode == 0
        options = "--config.file=/config/prometheus.yml --storage.tsdb.path=/data/tsdb"
        begin = f"chmod +x /data/prometheus; setsid /data/prometheus {options} > /data/log 2>&1 < /dev/null &"
        assert run([*there, "exec", NAME, "--", "sh", "-c", begin]).returncode == 0
        wait_until(lambda: _asked(place, "/-/ready") is not None, 120, "it is ready")
        yield lambda query: _answer(place, query)
    finally:
        run([*there, "delete", "pod,configmap", NAME, "--grace-period=0", "--force"])


def _found(pod: dict[str, Any]) -> dict[str, object]:
    """What the role `pod` says of a pod with one port."""
    [container] = pod["spec"]["containers"]
    [port] = container["ports"]
    metadata, status = pod["metadata"], pod["status"]
    labels = {f"pod_label_{re.sub('[^a-zA-Z0-9_]', '_', key)}": value for key, value in metadata["labels"].items()}
    known = {**labels, "pod_name": metadata["name"], "pod_phase": status["phase"], "pod_ip": status["podIP"]}
    return {
        "targets": [f"{status['podIP']}:{port['containerPort']}"],
        "labels": {f"__meta_kubernetes_{key}": value for key, value in known.items()},
    }


def _answer(place: Place, query: str) -> list[dict[str, Any]]:
    said = _asked(place, "/api/v1/query?" + urlencode({"query": query}))
    assert said is not None, query
    found: list[dict[str, Any]] = json.loads(said)["data"]["result"]
    return found


def _asked(place: Place, path: str) -> str | None:
    """Through the API server."""
    done = run(["kubectl", "get", "--raw", f"/api/v1/namespaces/{place.namespace}/pods/{NAME}:{PORT}/proxy{path}"])
    return done.stdout if done.returncode == 0 else None


def _manifests(files: dict[str, str]) -> list[dict[str, object]]:
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "3600"],
        "ports": [{"containerPort": PORT}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "config", "mountPath": "/config"}],
    }
    spec = {
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "config", "configMap": {"name": NAME}}],
    }
    observer = {"name": NAME, "labels": {"steadfast.dev/observer": "true"}}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": files},
        {"apiVersion": "v1", "kind": "Pod", "metadata": observer, "spec": spec},
    ]
