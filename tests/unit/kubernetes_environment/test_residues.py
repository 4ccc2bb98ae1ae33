"""What is left is found and taken off object by object: one that is spoilt hides no other."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chaos.environments.kubernetes import KubernetesEnvironment
from chaos.environments.kubernetes.records import HELD, HOLDS, Hold, Record, metadata_with
from chaos.model.capabilities import CanKill
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from tests.unit.kubernetes_environment.api import Answer, api_server, status

GOOD = metadata_with(Record(replicas=3).having("run/1", Hold(what="scale", until=1.0)))
SPOILT: dict[str, object] = {"labels": {HELD: "true"}, "annotations": {HOLDS: "{"}}
LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/steadfast-keeper"


def environment(kubeconfig: Path) -> KubernetesEnvironment:
    settings = {"namespaces": ["shop"], "kubeconfig": str(kubeconfig)}
    return KubernetesEnvironment(EnvironmentRef(kind="kubernetes", name="shop", settings=settings))  # type: ignore[arg-type]  # JSON is invariant


def test_one_that_is_spoilt_is_found_with_the_others_and_says_what_to_do(tmp_path: Path) -> None:
    def answers(method: str, path: str) -> Answer:
        found = [("good", GOOD), ("spoilt", SPOILT)] if "deployments" in path else []
        return 200, {"items": [{"metadata": {"name": name, **metadata}} for name, metadata in found]}

    with api_server(tmp_path, answers) as kubeconfig:
        opened = environment(kubeconfig)
        good, spoilt = opened.residues()
        assert (good.target, good.what, good.holder) == ("deployment/good", "scale", "run/1")
        assert (spoilt.target, spoilt.what, spoilt.until) == ("deployment/spoilt", "unreadable", 0.0)
        with pytest.raises(ActionFailed, match=r"steadfast\.dev/holds of deployment/spoilt cannot be read"):
            opened.clear_residue(spoilt)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ((200, "workloads,nodes"), True),
        ((200, "networkpolicies"), False),
        ((404, ""), False),
        ((403, ""), False),
        ((500, ""), False),
    ],
)
def test_only_a_keeper_that_says_so_is_believed_to_keep_something(
    tmp_path: Path, answer: tuple[int, str], kept: bool
) -> None:
    renewed = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())

    def answers(method: str, path: str) -> Answer:
        code, keeps = answer
        if code != 200:
            return status(code, "no")
        assert path == LEASE
        metadata = {"name": "steadfast-keeper", "annotations": {"steadfast.dev/keeps": keeps}}
        return 200, {"metadata": metadata, "spec": {"leaseDurationSeconds": 15, "renewTime": renewed}}

    with api_server(tmp_path, answers) as kubeconfig:
        holder = environment(kubeconfig).lease_holder(CanKill)
    assert (holder.name, holder.detached) == (("keeper in the cluster", False) if kept else ("lease holder", True))
