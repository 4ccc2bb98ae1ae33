"""Volumes for clusters that make none by themselves: folders of a node, gone with the block."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.charts import run
from tests.cluster.stage import IMAGE


@contextmanager
def volumes(namespace: str, node: str, count: int) -> Iterator[str]:
    """So many, of 1 GiB each, in a class of storage of their own; its name. Claims must be gone when the block ends."""
    name = f"{namespace}-volumes"
    folders = [f"{name}-{number}" for number in range(count)]
    try:
        # A folder of a node belongs to root, and `fsGroup` does not change that.
        _on_the_node(namespace, node, "".join(f"mkdir -m 777 /host/{folder}; " for folder in folders))
        for folder in folders:
            _apply(namespace, _volume(folder, name, node))
        yield name
    finally:
        run(["kubectl", "delete", "pv", *folders, "--ignore-not-found", "--wait=false"])
        _on_the_node(namespace, node, "".join(f"rm -rf /host/{folder}; " for folder in folders))


def _volume(folder: str, storage_class: str, node: str) -> dict[str, object]:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    spec = {
        "storageClassName": storage_class,
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": f"/tmp/{folder}"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": folder}, "spec": spec}


def _on_the_node(namespace: str, node: str, command: str) -> None:
    """In a pod that is root there, and sees its /tmp as /host."""
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", command],
        "volumeMounts": [{"name": "host", "mountPath": "/host"}],
    }
    spec = {
        "restartPolicy": "Never",
        "nodeName": node,
        "containers": [container],
        "volumes": [{"name": "host", "hostPath": {"path": "/tmp"}}],
    }
    _apply(namespace, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "on-the-node"}, "spec": spec})
    there = ["kubectl", "-n", namespace]
    done = run([*there, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/on-the-node", "--timeout=240s"])
    run([*there, "delete", "pod", "on-the-node", "--grace-period=0", "--force"])
    assert done.returncode == 0, done.stderr


def _apply(namespace: str, manifest: dict[str, object]) -> None:
    done = run(["kubectl", "-n", namespace, "apply", "-f", "-"], json.dumps(manifest))
    assert done.returncode == 0, done.stderr
