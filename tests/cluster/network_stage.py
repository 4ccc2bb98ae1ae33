"""Two pods and a link between them: a server, and a client that calls it. The agent's image must be on the nodes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaos.agent.orders import Look
from chaos.catalog import Catalog
from chaos.environments.kubernetes import KubernetesEnvironment
from chaos.environments.kubernetes.agent_pods import NETWORK
from chaos.environments.kubernetes.agent_pods import Pod as AgentsPod
from chaos.environments.kubernetes.agents import Agents
from chaos.environments.kubernetes.connection import Cluster, clusters_of
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.objects import Pod
from chaos.environments.kubernetes.pod_exec import Cut, run_in
from chaos.model.environment import EnvironmentRef
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, AnyFault, Lease, Observation, Undo
from chaos.model.system import JSON, Link, Region, Target
from tests.cluster.stage import IMAGE, PATIENT, wait_until

AGENT_IMAGE = os.environ.get("STEADFAST_TEST_AGENT_IMAGE", "steadfast-agent:dev")
PORT = 8080
COMMAND = [sys.executable, "-c", "from chaos.cli import main; main()"]
SERVER = f"""
import http.server, socketserver
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"x" * 200_000 if self.path == "/large" else b"well"
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *given): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 2048
Server(("", {PORT}), Handler).serve_forever()
"""


@dataclass
class NetworkStage:
    kubeconfig: Path
    namespace: str
    folder: Path
    agent_image: str = AGENT_IMAGE
    server_node: str = ""
    """Where the server is to run, if that matters."""
    across: bool = False
    """Whether the client must be in another region, which otherwise it is where the cluster has several."""

    @property
    def cluster(self) -> Cluster:
        [cluster] = clusters_of(str(self.kubeconfig), [], 20.0)
        return cluster

    @property
    def pods_path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def start(self) -> None:
        labels = {"steadfast.dev/armed": "true"}
        self.cluster.create("/api/v1/namespaces", {"metadata": {"name": self.namespace, "labels": labels}})
        wait_until(self._has_account, 90, "the namespace has its service account")
        for name in ("server", "client"):
            self.create_pod(name)
        for name in ("server", "client"):
            self.wait_until_ready(name)

    def stop(self) -> None:
        self.cluster.delete(f"/api/v1/namespaces/{self.namespace}")

    def create_pod(self, name: str) -> None:
        container: dict[str, object] = {"name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent"}
        if name == "server":
            container |= {"command": ["python3", "-c", SERVER], "ports": [{"containerPort": PORT}]}
            container["readinessProbe"] = {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 1}
        else:
            container["command"] = ["sleep", "7200"]
        metadata = {
            "name": name,
            "labels": {"app.kubernetes.io/name": name},
            "annotations": {} if name == "server" else {"steadfast.dev/calls": "server"},
        }
        # Not as root: the agent must be able to be, all the same.
        secure = {"runAsNonRoot": True, "runAsUser": 10001}
        spec: dict[str, object] = {"securityContext": secure, "containers": [container]}
        spec |= {"terminationGracePeriodSeconds": 0, "affinity": self._affinity(name), "tolerations": PATIENT}
        self.cluster.create(self.pods_path, {"metadata": metadata, "spec": spec})

    def delete_pod(self, name: str) -> None:
        self.cluster.delete(f"{self.pods_path}/{name}", {"gracePeriodSeconds": 0})
        wait_until(lambda: self.pod(name) is None, 120, f"{name} is gone")

    def wait_until_ready(self, name: str) -> None:
        def ready() -> bool:
            pod = self.pod(name)
            return pod is not None and pod.ready

        wait_until(ready, 240, f"{name} is ready")

    def pod(self, name: str) -> Pod | None:
        return self.cluster.find(f"{self.pods_path}/{name}", Pod)

    def environment(self) -> KubernetesEnvironment:
        settings: dict[str, JSON] = {
            "namespaces": [self.namespace],
            "kubeconfig": str(self.kubeconfig),
            "armed": True,
            "agent_image": self.agent_image,
        }
        return KubernetesEnvironment(EnvironmentRef(kind="kubernetes", name="network", settings=settings))

    def environment_file(self) -> Path:
        path = self.folder / "network.yaml"
        path.write_text(
            "apiVersion: chaos/v1\nkind: Environment\nname: network\ntype: kubernetes\narmed: true\n"
            f"settings:\n  namespaces: [{self.namespace}]\n  kubeconfig: {self.kubeconfig}\n"
            f"  agentImage: {self.agent_image}\n"
        )
        return path

    @property
    def link(self) -> Link:
        inventory = self.environment().inventory()
        links = [each for each in inventory.links if each.source == "client"]
        assert len(links) == 1, (links, inventory.instances, [self.pod(name) for name in ("server", "client")])
        return links[0]

    def place(self, pod: str) -> Place:
        return Place(self.cluster, self.namespace, pod)

    def ruleset(self) -> str:
        """What the kernel of the server's network has in its packet filter."""
        return self.in_agent("nft", "list", "ruleset")

    def in_agent(self, *command: str) -> str:
        """What a command prints beside the server's agent, which is put there if there is none."""
        self.in_effect()
        last = self.cluster.get(f"{self.pods_path}/server", AgentsPod).agents(NETWORK)[-1]
        return self._run("server", last, command, 60)

    def in_effect(self) -> list[str]:
        return Agents(self.agent_image).tell(self.place("server"), [Look()])[0].keys

    def start_chaos(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "run.log").open("wb") as log:
            return subprocess.Popen([*COMMAND, *arguments], env=self.variables, stdout=log, stderr=log)

    def chaos(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments], env=self.variables, capture_output=True, text=True, timeout=300, check=False
        )

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def variables(self) -> dict[str, str]:
        return {**os.environ, "STEADFAST_HOME": str(self.home)}

    def in_client(self, code: str) -> str:
        """What Python code prints in the client's own container; `server` is the server's address."""
        return self.in_pod("client", code)

    def in_pod(self, name: str, code: str) -> str:
        """The same in another pod."""
        pod = self.pod("server")
        assert pod is not None
        text = f"server = ({pod.status.pod_ip!r}, {PORT})\n{code}"
        return self._run(name, "main", ["python3", "-c", text], 120)

    # parameters: a container of a pod, and what is run in it
    def _run(self, pod: str, container: str, command: Sequence[str], patience_seconds: float) -> str:
        """Once more when the connection was cut, which a busy kubelet does: all that is run here may be run twice."""
        for _ in range(2):
            with suppress(Cut):
                return run_in(self.place(pod), container, command, "", patience_seconds).strip()
        return run_in(self.place(pod), container, command, "", patience_seconds).strip()

    def has_ended(self, pod: str) -> bool:
        """Whether the pod's agent has ended, by itself."""
        found = self.cluster.get(f"{self.pods_path}/{pod}", AgentsPod)
        ended = found.state_of(found.agents(NETWORK)[-1]).terminated
        return ended is not None and ended.exit_code == 0

    def _has_account(self) -> bool:
        return bool(self.cluster.get(f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default", dict))

    def _affinity(self, name: str) -> dict[str, object]:
        """A neighbour is in the server's region and a client in another one, where the cluster has several."""
        if self.server_node and name == "server":
            host = {"key": "kubernetes.io/hostname", "operator": "In", "values": [self.server_node]}
            terms = {"nodeSelectorTerms": [{"matchExpressions": [host]}]}
            return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        term = {
            "topologyKey": "topology.kubernetes.io/region",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "server"}},
        }
        # Required: the scheduler has other wishes too, and a taint that stays from elsewhere outweighs a preference.
        required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
        kinds = {"client": "podAntiAffinity", "neighbour": "podAffinity"}
        return {kinds[name]: required if self.across else preferred} if name in kinds else {}


@dataclass
class Injection:
    """One fault on the stage's link or region, as the engine would do it."""

    stage: NetworkStage
    kind: str
    parameters: dict[str, JSON]
    lease_seconds: float = 300.0

    def __post_init__(self) -> None:
        self.environment = self.stage.environment()
        self.fault: AnyFault = Catalog().build_fault(PluginUse(kind=self.kind, parameters=self.parameters))
        self.lease = Lease("a-run", self.kind, time.time() + self.lease_seconds)

    def prepare(self) -> Undo:
        link = self.stage.link
        [server] = [each for each in self.environment.inventory().instances if each.service == "server"]
        region = Region(name=link.destination_region)
        targets: dict[str, Target] = {"link": link, "region": region, "instance": server}
        target = targets[self.fault.target_kind]
        return self.fault.prepare(self.environment, target, self.lease)

    def await_effect(self, undo: Undo) -> None:
        self._await(undo, Active.YES)

    def await_end(self, undo: Undo) -> None:
        """Also of one that has not begun."""
        self._await(undo, Active.NO)

    def _await(self, undo: Undo, wanted: Active) -> None:
        """Look as often as the engine would: a busy machine makes one look late, or lets it see nothing."""
        seen: list[Observation] = []

        def so() -> bool:
            seen.append(self.fault.active(self.environment, undo))
            return seen[-1].active is wanted

        wait_until(so, 60, f"{self.kind} is {wanted.name}", lambda: str(seen[-1]))
