"""Which pods are not worth waiting for."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.environments.kubernetes.pod_trouble import trouble


def pod(container: dict[str, Any], conditions: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    status = {"containerStatuses": [{"image": "steadfast:dev", **container}], "conditions": list(conditions)}
    spec = {"nodeName": "worker-1", "nodeSelector": {"topology.kubernetes.io/region": "mars"}}
    return {"metadata": {"name": "edge-1"}, "spec": spec, "status": status}


UNSCHEDULABLE = {"type": "PodScheduled", "reason": "Unschedulable", "message": "0/3 nodes. preemption: no"}


@pytest.mark.parametrize(
    ("found", "sentence", "hint"),
    [
        (pod({"state": {"waiting": {"reason": "ErrImageNeverPull"}}}), "not on worker-1", "kind load docker-image"),
        (pod({"restartCount": 4, "ready": False}), "has died 4 times", "kubectl logs edge-1"),
        (pod({}, (UNSCHEDULABLE,)), "no node takes pod edge-1: 0/3 nodes", "region=mars"),
        (
            pod({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "no secret"}}}),
            "no secret",
            "",
        ),
    ],
)
def test_what_waiting_does_not_end_is_said_with_what_helps(found: dict[str, Any], sentence: str, hint: str) -> None:
    error = trouble([pod({"ready": True}), found], waited_seconds=30)
    assert error is not None
    assert sentence in error.message
    assert hint in error.hint


def test_there_is_hope_for_pods_that_are_being_started_and_for_nodes_that_are_being_added() -> None:
    starting = pod({"state": {"waiting": {"reason": "ContainerCreating"}}, "restartCount": 1})
    assert trouble([starting, pod({}, (UNSCHEDULABLE,))], waited_seconds=5) is None
