"""Which pods will not become ready however long one waits, and what would help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chaos.model.errors import ActionFailed

NO_NODE_SECONDS = 20.0
"""A scheduler that finds no node says so at once; the time is for nodes that are just being added."""

HOPELESS_RESTARTS = 4
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")
_BAD_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")

HOW_TO_LOAD = (
    "build it with `docker build -t IMAGE .` and load it: `kind load docker-image IMAGE`, `k3d image import IMAGE`, "
    "`minikube image load IMAGE`; or push it and name it with --set image.repository=..."
)


def trouble(pods: Sequence[dict[str, Any]], waited_seconds: float) -> ActionFailed | None:
    """The first trouble that waiting does not end, as an error; None as long as there is hope."""
    for pod in pods:
        name = pod["metadata"]["name"]
        for container in _containers(pod):
            waiting = container.get("state", {}).get("waiting", {})
            reason = waiting.get("reason", "")
            if reason in _NO_IMAGE:
                image = container["image"]
                node = pod["spec"].get("nodeName", "its node")
                return ActionFailed(
                    f"the image {image} of pod {name} is not on {node} and cannot be pulled",
                    HOW_TO_LOAD.replace("IMAGE", image),
                )
            if reason in _BAD_CONFIG:
                return ActionFailed(f"pod {name} cannot be started: {waiting.get('message') or reason}")
            if container.get("restartCount", 0) >= HOPELESS_RESTARTS and not container.get("ready"):
                return ActionFailed(
                    f"pod {name} has died {container['restartCount']} times", f"`kubectl logs {name}` says why"
                )
        if waited_seconds > NO_NODE_SECONDS and (message := _unschedulable(pod)):
            wants = ", ".join(f"{key}={value}" for key, value in pod["spec"].get("nodeSelector", {}).items())
            return ActionFailed(
                f"no node takes pod {name}: {message}",
                f"it wants a node with {wants}: `kubectl label node NAME {wants}` makes one of any node",
            )
    return None


def _containers(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    status = pod.get("status", {})
    yield from status.get("initContainerStatuses", ())
    yield from status.get("containerStatuses", ())


def _unschedulable(pod: dict[str, Any]) -> str:
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return str(condition.get("message", "")).partition(". preemption")[0]
    return ""
