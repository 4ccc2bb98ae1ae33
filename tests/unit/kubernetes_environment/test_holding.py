"""A record and what follows from it are written in one request; who was second reads again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos.environments.kubernetes import nodes, workloads
from chaos.environments.kubernetes.connection import Cluster, clusters_of
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.records import HOLDS, Hold
from chaos.model.errors import ActionFailed
from tests.unit.kubernetes_environment.api import Answer, api_server, status


class Object:
    """One object; `late` is how many of our writes come after somebody else's."""

    def __init__(self, spec: dict[str, Any], late: int = 0) -> None:
        self.spec, self.late = spec, late
        self.annotations: dict[str, str] = {}
        self.asked = 0

    def __call__(self, method: str, path: str) -> Answer:
        self.asked += 1
        if method == "GET":
            return 200, {"metadata": {"name": "it", "annotations": self.annotations}, "spec": self.spec}
        self.late -= 1
        return status(409, "somebody was faster") if self.late >= 0 else (200, {})


def cluster(kubeconfig: Path) -> Cluster:
    [found] = clusters_of(str(kubeconfig), [], 60.0)
    return found


def held(**hold: Any) -> dict[str, str]:
    return {HOLDS: json.dumps({"holds": {"run/1": {"until": 1.0, **hold}}, "replicas": 3})}


def test_who_was_second_reads_again(tmp_path: Path) -> None:
    it = Object({"replicas": 3}, late=2)
    with api_server(tmp_path, it) as kubeconfig:
        place = Place(cluster(kubeconfig), "shop", "it", "deployment")
        workloads.change_workload(place, workloads.adding("run/1", Hold(what="kill", until=1.0)))
    assert it.asked == 6


def test_somebody_who_is_always_faster_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with api_server(tmp_path, Object({"unschedulable": False}, late=99)) as kubeconfig:
        place = Place(cluster(kubeconfig), "", "it")
        with pytest.raises(ActionFailed, match="it is being changed by others all the time") as raised:
            nodes.change_node(place, workloads.adding("run/1", Hold(what="cordon", until=1.0)))
    assert raised.value.took_effect == "no"


@pytest.mark.parametrize(("annotations", "asked"), [({}, 1), (held(what="kill"), 2)], ids=["no record", "a record"])
def test_letting_go_writes_only_where_something_is_held(
    tmp_path: Path, annotations: dict[str, str], asked: int
) -> None:
    it = Object({"replicas": 2})
    it.annotations = annotations
    with api_server(tmp_path, it) as kubeconfig:
        place = Place(cluster(kubeconfig), "shop", "it", "deployment")
        workloads.change_workload(place, lambda record: record.without("run/1"))
    assert it.asked == asked
