"""What is looked at of a pod to find the agents in it, and what two kinds of agents there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import Struct, field

from chaos.environments.kubernetes.objects import Meta

NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")


@dataclass(frozen=True)
class Role:
    """An agent is called `name` and a number, and may do no more than its work needs.

    `beside` says that it sees the processes of the pod's container, else it sees the pod's network only.
    """

    name: str
    command: tuple[str, ...]
    capability: str
    beside: bool = False


NETWORK = Role("steadfast-agent-", ("python", "-m", "chaos.agent"), "NET_ADMIN")
PROCESSES = Role("steadfast-holder-", ("python", "-m", "chaos.agent", "processes"), "SYS_PTRACE", beside=True)


class Waiting(Struct):
    reason: str = ""
    message: str = ""


class _Ended(Struct, rename="camel"):
    exit_code: int = 0
    reason: str = ""
    message: str = ""


class _State(Struct):
    waiting: Waiting | None = None
    running: dict[str, Any] | None = None
    terminated: _Ended | None = None


class _ContainerStatus(Struct):
    name: str
    state: _State = field(default_factory=_State)


class _Container(Struct):
    name: str = ""
    image: str = ""


class _Spec(Struct, rename="camel"):
    containers: list[_Container] = []
    ephemeral_containers: list[_Container] = []


class _Status(Struct, rename="camel"):
    phase: str = ""
    ephemeral_container_statuses: list[_ContainerStatus] = []


class Pod(Struct):
    """What is looked at of a pod to find its agents."""

    metadata: Meta
    spec: _Spec = field(default_factory=_Spec)
    status: _Status = field(default_factory=_Status)

    def agents(self, role: Role) -> list[str]:
        """All that there ever were, oldest first."""
        names = [each.name for each in self.spec.ephemeral_containers if each.name.startswith(role.name)]
        return sorted(names, key=lambda name: int(name.removeprefix(role.name)))

    def next_agent(self, role: Role) -> str:
        """An ephemeral container that has ended stays listed, so the next one needs another name."""
        there = self.agents(role)
        return f"{role.name}{int(there[-1].removeprefix(role.name)) + 1 if there else 1}"

    @property
    def served(self) -> str:
        """The container that kubectl would take: the one that the pod says, else its first."""
        said = self.metadata.annotations.get("kubectl.kubernetes.io/default-container", "")
        names = [each.name for each in self.spec.containers]
        return said if said in names else names[0]

    def will_never_be(self, agent: str, image: str) -> bool:
        """Whether it waits for an image which is not there, and which is not this one."""
        images = {each.name: each.image for each in self.spec.ephemeral_containers}
        waiting = self.state_of(agent).waiting
        return waiting is not None and waiting.reason in NO_IMAGE and images.get(agent) != image

    def is_manned(self, role: Role) -> bool:
        """Whether an agent works in it, as far as the kubelet has said."""
        there = self.agents(role)
        return bool(there) and self.state_of(there[-1]).running is not None

    def state_of(self, agent: str) -> _State:
        """Waiting while the kubelet has not said anything."""
        states = {each.name: each.state for each in self.status.ephemeral_container_statuses}
        return states.get(agent, _State())
