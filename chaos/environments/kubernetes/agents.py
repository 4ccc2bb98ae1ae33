"""Agents in pods: ephemeral containers, put where one is needed and found again by their name.

An ephemeral container cannot be taken out of a pod again, and one that has ended does not start anew. So an agent ends
by itself when it has nothing to do, and the next one gets the next name.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from chaos.agent.orders import SOCKET, Answer, Order
from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.agent_pods import NETWORK, NO_IMAGE, Pod, Role, Waiting
from chaos.environments.kubernetes.connection import Request
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.pod_exec import Cut, NotRunning, run_in
from chaos.model.errors import ActionFailed

_START_PATIENCE_SECONDS = 45.0
_WORD_PATIENCE_SECONDS = 10.0
_LOOK_AGAIN_SECONDS = 0.1
_AT_ONCE = 12
_NO_START = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")

_ASK = f"""
import socket, sys, time
line = sys.stdin.buffer.readline()
for attempt in range(100):
    talk = socket.socket(socket.AF_UNIX)
    try:
        talk.connect({SOCKET!r})
        break
    except OSError:
        if attempt == 99: sys.exit("the agent does not listen")
        time.sleep(0.05)
talk.sendall(line)
sys.stdout.buffer.write(talk.makefile("rb").readline())
"""
"""The least that can carry orders to the agent: a fresh interpreter that imports the toolkit would take a second."""


class Agents:
    """One at most works in a pod. Safe to use from several threads."""

    def __init__(self, image: str, role: Role = NETWORK) -> None:
        self._image = image
        self._role = role
        self._placing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._known: dict[str, str] = {}

    def tell(self, place: Place, orders: Sequence[Order], patience_seconds: float = 20.0) -> list[Answer]:
        """Carry orders to the pod's agent, putting one there first if there is none.

        Raises NotThere when the pod is gone, ActionFailed when no agent can work there or it could not do as told.
        """
        for last in (False, False, True):
            try:
                return self._converse(place, self._place(place), orders, patience_seconds)
            except NotRunning:
                self._known.pop(place.pod_path, None)
                if last:
                    raise
                self._await_word(place)
            except Cut:  # a busy kubelet closes before it has said all; to be told twice changes nothing
                if last:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def tell_if_there(self, place: Place, orders: Sequence[Order]) -> list[Answer]:
        """Carry orders to the pod's agent. Without one nothing of ours is in effect there, and nothing is answered."""
        pod = place.cluster.find(place.pod_path, Pod)
        if pod is None or not pod.agents(self._role) or pod.status.phase in ("Succeeded", "Failed"):
            return []
        last = pod.state_of(pod.agents(self._role)[-1])
        if last.waiting is not None and last.waiting.reason in NO_IMAGE:
            return []
        ended = last.terminated
        # One that was killed may have left rules: the next one removes them. Processes go on when their holder dies.
        if ended is None or (ended.exit_code and not self._role.beside):
            try:
                return self.tell(place, orders)
            except answers.NotThere:
                pass  # gone meanwhile
        return []

    def place_all(self, places: Sequence[Place]) -> None:
        """Put agents into these pods, side by side. Raises as `tell` does."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._place, places))

    def would_refuse(self, place: Place) -> str:
        """What the API server has against an agent in that pod, asked without putting one there; empty for nothing."""
        pod = place.cluster.find(place.pod_path, Pod)
        if pod is None:
            return ""
        try:
            place.cluster.send(self._addition(place, pod, {"dryRun": "All"}))
        except answers.ApiFailed as error:
            return error.message
        return ""

    def _converse(self, place: Place, agent: str, orders: Sequence[Order], patience_seconds: float) -> list[Answer]:
        line = msgspec.json.encode(list(orders)).decode()
        said = run_in(place, agent, ["python", "-I", "-S", "-c", _ASK], line, patience_seconds)
        try:
            got = msgspec.json.decode(said, type=list[Answer])
        except msgspec.DecodeError as error:
            raise ActionFailed(f"the agent in {place.name} did not answer: {said.strip() or error}") from error
        for each in got:
            if each.error:
                raise ActionFailed(f"{place.name}: {each.error}", took_effect="no")
        return got

    def _place(self, place: Place) -> str:
        """The name of the agent that works in this pod, which may be a new one."""
        with self._placing[place.pod_path]:
            known = self._known.get(place.pod_path)
            if known is None:
                pod = place.cluster.get(place.pod_path, Pod)
                last = next(reversed(pod.agents(self._role)), "")
                if not last or pod.state_of(last).terminated or pod.will_never_be(last, self._image):
                    last = pod.next_agent(self._role)
                    place.cluster.send(self._addition(place, pod, {}))
                self._await_start(place, last)
                self._known[place.pod_path] = known = last
            return known

    def _await_word(self, place: Place) -> None:
        """Until the kubelet has said so: an agent that ended just now is listed as running for a moment."""
        deadline = time.monotonic() + _WORD_PATIENCE_SECONDS
        while place.cluster.get(place.pod_path, Pod).is_manned(self._role) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _await_start(self, place: Place, agent: str) -> None:
        deadline = time.monotonic() + _START_PATIENCE_SECONDS
        while time.monotonic() < deadline:
            state = place.cluster.get(place.pod_path, Pod).state_of(agent)
            if state.running is not None:
                return
            if state.terminated is not None:
                why = state.terminated.message or state.terminated.reason
                hint = f"`kubectl logs {place.name} -c {agent}` says more"
                raise ActionFailed(f"the agent ended at once in {place.name}: {why}", hint, "no")
            waiting = state.waiting or Waiting()
            if waiting.reason in NO_IMAGE:
                raise self._no_image(place, agent)
            if waiting.reason in _NO_START:
                raise ActionFailed(f"the agent cannot start in {place.name}: {waiting.message}", took_effect="no")
            time.sleep(_LOOK_AGAIN_SECONDS)
        raise ActionFailed(f"the agent in {place.name} did not start in time", took_effect="no")

    def _no_image(self, place: Place, agent: str) -> ActionFailed:
        return ActionFailed(
            f"the agent's image {self._image} is not on the node of {place.name} and cannot be pulled",
            f"load it (`kind load docker-image`, `minikube image load`) or set agentImage; nothing was changed but that"
            f" the pod lists {agent}, which cannot be taken out of it and does nothing",
            took_effect="no",
        )

    def _addition(self, place: Place, pod: Pod, query: dict[str, str | int]) -> Request:
        container = {
            "name": pod.next_agent(self._role),
            "image": self._image,
            "imagePullPolicy": "IfNotPresent",
            "command": [*self._role.command],
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "securityContext": {
                "runAsUser": 0,
                "runAsGroup": 0,
                "runAsNonRoot": False,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": False,
                "capabilities": {"drop": ["ALL"], "add": [self._role.capability]},
            },
            **({"targetContainerName": pod.served} if self._role.beside else {}),
        }
        return Request(
            method="PATCH",
            path=f"{place.pod_path}/ephemeralcontainers",
            body={"spec": {"ephemeralContainers": [container]}},
            query=query,
            content_type="application/strategic-merge-patch+json",
        )
