"""Agents are tried on every node before the first injection; an image that is not there is said then."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from chaos.environments.kubernetes.agent_pods import NETWORK
from chaos.model.capabilities import CanKill, CanShapeLinks
from chaos.model.errors import ActionFailed
from tests.unit.kubernetes_environment.api import Answer, api_server
from tests.unit.kubernetes_environment.test_residues import environment

LINK = "earth/client>server"


class Pods:
    """A client and a server on a node each; `state` is that of every agent."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.manned: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, method: str, path: str) -> Answer:
        name = path.partition("?")[0].removesuffix("/ephemeralcontainers").rpartition("/")[2]
        if method == "PATCH":
            with self._lock:
                self.manned.add(name)
            return 200, {}
        if name in ("client", "server"):
            return 200, self._pod(name)
        if name == "pods":
            return 200, {"items": [self._pod("client"), self._pod("server")]}
        if name == "nodes":
            region = {"topology.kubernetes.io/region": "earth"}
            return 200, {
                "items": [{"metadata": {"name": f"node-of-{each}", "labels": region}} for each in ("client", "server")]
            }
        return 200, {"items": []}

    def _pod(self, name: str) -> dict[str, Any]:
        agents = [f"{NETWORK.name}1"] if name in self.manned else []
        metadata = {"name": name, "namespace": "shop", "uid": name, "labels": {"app.kubernetes.io/name": name}}
        metadata |= {"annotations": {"steadfast.dev/calls": "server"}} if name == "client" else {}
        spec = {
            "nodeName": f"node-of-{name}",
            "containers": [{"ports": [{"containerPort": 80}]}],
            "ephemeralContainers": [{"name": each, "image": "steadfast-agent:dev"} for each in agents],
        }
        status = {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "ephemeralContainerStatuses": [{"name": each, "state": self.state} for each in agents],
        }
        return {"metadata": metadata, "spec": spec, "status": status}


def test_each_node_gets_an_agent_and_no_fault_of_another_kind_needs_one(tmp_path: Path) -> None:
    pods = Pods({"running": {}})
    with api_server(tmp_path, pods) as kubeconfig:
        opened = environment(kubeconfig)
        opened.make_ready(CanKill, ["server"])
        assert pods.manned == set()
        opened.make_ready(CanShapeLinks, [LINK])
    assert pods.manned == {"client", "server"}
    assert "born later" in opened.note(CanShapeLinks)
    assert opened.note(CanKill) == ""


def test_an_image_that_cannot_be_pulled_is_a_sentence(tmp_path: Path) -> None:
    pods = Pods({"waiting": {"reason": "ErrImagePull"}})
    with api_server(tmp_path, pods) as kubeconfig, pytest.raises(ActionFailed, match="is not on the node") as raised:
        environment(kubeconfig).make_ready(CanShapeLinks, [LINK])
    assert raised.value.took_effect == "no"
