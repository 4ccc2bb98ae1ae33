"""A service account with the rights that `chaos environments rbac` prints, or with fewer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.stage import Stage

Manifest = dict[str, Any]


@dataclass
class Account:
    """Who asks the API server with a token of its own. `environment` is the file that makes `chaos` do so."""

    stage: Stage
    name: str
    manifests: list[Manifest]
    environment: Path

    @property
    def binding(self) -> Manifest:
        [found] = [each for each in self.manifests if each["kind"] == "RoleBinding"]
        return found

    def unbind(self) -> None:
        """Take away what it may in the namespace."""
        self.stage.cluster.delete(f"{path_of(self.binding)}/{self.binding['metadata']['name']}")

    def bind(self) -> None:
        self.stage.cluster.create(path_of(self.binding), self.binding)


@contextmanager
def account(stage: Stage, name: str, experiment: Path, without: str = "") -> Iterator[Account]:
    """The printed rights for this experiment, but for those on the resource `without`."""
    owner = f"{stage.namespace}/{name}"
    printed = stage.chaos(
        "environments", "rbac", str(experiment), "-e", str(stage.environment_file()), "--account", owner
    )
    assert printed.returncode == 0, printed.stderr
    manifests: list[Manifest] = [
        _renamed(each, f"{stage.namespace}-{name}") for each in yaml.safe_load_all(printed.stdout)
    ]
    for rules in (each["rules"] for each in manifests if without and "rules" in each):
        rules[:] = [rule for rule in rules if without not in rule["resources"]]
    space = f"/api/v1/namespaces/{stage.namespace}"
    stage.cluster.create(f"{space}/serviceaccounts", {"metadata": {"name": name}})
    made: list[Manifest] = []
    try:
        for each in manifests:
            stage.cluster.create(path_of(each), each)
            made.append(each)
        answer = json.loads(stage.cluster.create(f"{space}/serviceaccounts/{name}/token", {"spec": {}}))
        kubeconfig = changed_kubeconfig(stage, f"{name}.kubeconfig", token=answer["status"]["token"])
        yield Account(stage, name, manifests, stage.environment_file(f"{name}.env.yaml", kubeconfig=str(kubeconfig)))
    finally:
        for each in made:
            if "namespace" not in each["metadata"]:  # the others go with the namespace
                stage.cluster.delete(f"{path_of(each)}/{each['metadata']['name']}")


def await_rights(held: Account, experiment: Path) -> None:
    """An API server hears of new rights after a moment."""

    ends_at = time.monotonic() + 90
    while (planned := held.stage.chaos("plan", str(experiment), "-e", str(held.environment))).returncode:
        assert time.monotonic() < ends_at, planned.stderr


def changed_kubeconfig(stage: Stage, name: str, **changes: object) -> Path:
    """The kubeconfig with one thing of its current cluster or user changed."""
    loaded = yaml.safe_load(stage.kubeconfig.read_text())
    for each in loaded["clusters"]:
        each["cluster"].update({key: value for key, value in changes.items() if key == "server"})
    if "token" in changes:
        loaded["users"] = [{"name": each["name"], "user": {"token": changes["token"]}} for each in loaded["users"]]
    return stage.file(name, yaml.safe_dump(loaded))


def path_of(manifest: Manifest) -> str:
    namespace = manifest["metadata"].get("namespace")
    front = "/apis/rbac.authorization.k8s.io/v1" + (f"/namespaces/{namespace}" if namespace else "")
    return f"{front}/{str(manifest['kind']).lower()}s"


def _renamed(manifest: Manifest, name: str) -> Manifest:
    """Cluster roles have no namespace, so their names must be ours alone."""
    manifest["metadata"]["name"] = name
    if "roleRef" in manifest:
        manifest["roleRef"]["name"] = name
    return manifest
