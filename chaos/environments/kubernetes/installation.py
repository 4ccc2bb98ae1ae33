"""The bundled platform on a cluster: installed by its Helm chart, waited for, looked at, and taken away again."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from chaos.environments.kubernetes.commands import Commands
from chaos.environments.kubernetes.pod_trouble import trouble
from chaos.model.errors import ActionFailed, BadInput, ChaosError, Refused

RELEASE = "streaming"
ARMED = "steadfast.dev/armed"
OURS = "steadfast.dev/made-by"
READY_SECONDS = 300.0
LOOK_SECONDS = 1.0
SETTLE_SECONDS = 8.0
"""From the last pod being ready to all callers knowing of it: a cluster's DNS keeps answers, also that there is nobody,
for 5 s, services ask every 2 s, and a breaker that has met a pod of before tries again after 2 s."""

SAY_SECONDS = 5.0
PLATFORM = f"app.kubernetes.io/part-of=streaming-platform,app.kubernetes.io/instance={RELEASE}"

Say = Callable[[str], None]


class Wanted(Struct, frozen=True, kw_only=True):
    """How it is installed: `weakened` names protections to leave out, `values` are files and `sets` lines for helm."""

    chart: Path
    weakened: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()


class Workload(Struct, frozen=True, kw_only=True):
    """A Deployment or StatefulSet, and how many of its pods are ready under its newest description."""

    name: str
    region: str
    wanted: int
    ready: int

    @property
    def is_ready(self) -> bool:
        return self.ready >= self.wanted


def up(cluster: Commands, wanted: Wanted, say: Say) -> None:
    """Install the platform, or change what is installed to what is wanted, and wait until every pod is ready.

    Raises BadInput, Refused, or ActionFailed (something did not become ready; what runs is left as it is).
    """
    began = time.monotonic()
    _provide_namespace(cluster, say)
    options = [option for file in wanted.values for option in ("--values", file)]
    options += [option for line in (*_observers(cluster), *wanted.sets) for option in ("--set", line)]
    weakened = f"weakened={json.dumps(wanted.weakened)}"
    try:
        cluster.helm("upgrade", "--install", RELEASE, str(wanted.chart), "--set-json", weakened, *options)
    except ActionFailed as error:
        raise _as_bad_values(error) from error
    _until_ready(cluster, say)
    with_what = f"weakened by {', '.join(wanted.weakened)}" if wanted.weakened else "with all its protections"
    pods = sum(each.wanted for each in workloads(cluster))
    say(f"the platform is up in namespace {cluster.namespace}, {with_what}: {pods} pods ready in "
        f"{time.monotonic() - began:.0f} s")  # fmt: skip


def weaken(cluster: Commands, chart: Path, names: Sequence[str], say: Say) -> None:
    """Replace the pods of what is installed by such that run under other policies, all else as it is.

    Raises as `up` does, and Refused when nothing is installed.
    """
    if not workloads(cluster):
        raise Refused(f"the platform is not up in namespace {cluster.namespace}", "`chaos platform up` brings it up")
    line = f"weakened={json.dumps(list(names))}"
    try:
        cluster.helm("upgrade", RELEASE, str(chart), "--reuse-values", "--set-json", line)
    except ActionFailed as error:
        raise _as_bad_values(error) from error
    _until_ready(cluster, say)


def down(cluster: Commands, say: Say) -> None:
    """Remove everything: the release, claims for storage, and the namespace if it was made by `up`."""
    namespace = _namespace(cluster)
    if namespace is None:
        say("the platform was not up")
        return
    was_up = bool(json.loads(cluster.helm("list", "--all", "--filter", f"^{RELEASE}$", "--output", "json") or "[]"))
    if was_up:
        cluster.helm("uninstall", RELEASE, "--wait", "--timeout", "120s")
        cluster.kubectl("delete", "persistentvolumeclaims", "--selector", PLATFORM, "--ignore-not-found")
        cluster.kubectl("wait", "--for=delete", "pod", "--selector", PLATFORM, "--timeout=60s")
    if OURS in namespace["metadata"].get("labels", {}):
        cluster.kubectl("delete", "namespace", cluster.namespace, "--wait", "--timeout=120s")
    say("the platform is down" if was_up else "the platform was not up")


def workloads(cluster: Commands) -> list[Workload]:
    """All there are, in the order of their names; none when the platform is not up."""
    found = cluster.get("deployments,statefulsets", "--selector", PLATFORM)
    return sorted((_workload(each) for each in found), key=lambda each: (each.region, each.name))


def weakened(cluster: Commands) -> str:
    """The weaknesses in force, joined with commas."""
    found = cluster.get("configmaps", "--selector", PLATFORM)
    return str(found[0]["metadata"].get("annotations", {}).get("steadfast.dev/weakened", "")) if found else ""


def is_armed(cluster: Commands) -> bool:
    namespace = _namespace(cluster)
    return namespace is not None and namespace["metadata"].get("labels", {}).get(ARMED) == "true"


def _workload(found: dict[str, Any]) -> Workload:
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    # A StatefulSet counts the pods of before as ready, too.
    ready = min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0)) if seen else 0
    if status.get("replicas", 0) > wanted:
        ready = min(ready, wanted - 1)  # one of before is still there
    labels = found["metadata"]["labels"]
    return Workload(
        name=found["metadata"]["name"], region=labels["steadfast.dev/region"], wanted=wanted, ready=max(0, ready)
    )


def _until_ready(cluster: Commands, say: Say) -> None:
    began = said_at = time.monotonic()
    waited = False
    while True:
        seen, now = workloads(cluster), time.monotonic()
        late = [each for each in seen if not each.is_ready]
        if not late:
            time.sleep(SETTLE_SECONDS if waited else 0.0)
            return
        waited = True
        if now - said_at >= SAY_SECONDS:
            said_at = now
            say(_progress(seen, late))
        hopeless = trouble(cluster.get("pods", "--selector", PLATFORM), waited_seconds=now - began)
        if hopeless is not None:
            raise hopeless
        if now - began > READY_SECONDS:
            raise ActionFailed(
                f"after {READY_SECONDS:.0f} s these are not ready: {', '.join(each.name for each in late)}",
                f"`kubectl --namespace {cluster.namespace} describe pods` says why",
            )
        time.sleep(LOOK_SECONDS)


def _progress(seen: Sequence[Workload], late: Sequence[Workload]) -> str:
    ready, wanted = sum(each.ready for each in seen), sum(each.wanted for each in seen)
    names = ", ".join(each.name for each in late[:3]) + (f" and {len(late) - 3} more" if len(late) > 3 else "")
    return f"{ready} of {wanted} pods are ready; not yet: {names}"


def _namespace(cluster: Commands) -> dict[str, Any] | None:
    found = cluster.kubectl("get", "namespace", cluster.namespace, "--ignore-not-found", "--output", "json")
    return json.loads(found) if found.strip() else None


def _provide_namespace(cluster: Commands, say: Say) -> None:
    """One that is made here is armed and will be removed; one that was there is left as its owner wants it."""
    namespace = _namespace(cluster)
    if namespace is None:
        labels = {ARMED: "true", OURS: "chaos-platform", "pod-security.kubernetes.io/warn": "restricted"}
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace, "labels": labels}}
        cluster.kubectl("create", "--filename", "-", stdin=json.dumps(made))
        return
    if namespace["status"].get("phase") == "Terminating":
        raise Refused(f"the namespace {cluster.namespace} is being removed", "try again when it is gone")
    if namespace["metadata"].get("labels", {}).get(ARMED) != "true":
        say(f"faults will be refused here: `kubectl label namespace {cluster.namespace} {ARMED}=true` allows them")


def _observers(cluster: Commands) -> Iterator[str]:
    """Who measures from outside has to get past the network policies: this machine, and the API server for others.

    Left out is what this account may not look up.
    """
    for number, address in enumerate(sorted({*_own_address(cluster), *_api_servers(cluster)})):
        yield f"networkPolicies.observers[{number}]={address}/32"


def _own_address(cluster: Commands) -> Sequence[str]:
    """This machine's address on the way to the nodes; finding it out sends nothing."""
    try:
        addresses = [each["address"] for node in cluster.get("nodes") for each in node["status"]["addresses"]
                     if each["type"] == "InternalIP" and ":" not in each["address"]]  # fmt: skip
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((addresses[0], 9))
            return [probe.getsockname()[0]]
    except (ChaosError, OSError, IndexError):
        return ()


def _api_servers(cluster: Commands) -> Sequence[str]:
    try:
        slices = cluster.get(
            "endpointslices", "--namespace", "default", "--selector", "kubernetes.io/service-name=kubernetes"
        )
    except ChaosError:
        return ()
    endpoints = [each for one in slices if one["addressType"] == "IPv4" for each in one.get("endpoints") or ()]
    return [address for each in endpoints for address in each["addresses"]]


def _as_bad_values(error: ActionFailed) -> ChaosError:
    for mark in ("values don't meet the specifications", "there is no weakness"):
        if mark in error.message:
            return BadInput(error.message[error.message.index(mark) :], error.hint)
    return error
