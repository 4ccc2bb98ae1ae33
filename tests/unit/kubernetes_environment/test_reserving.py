"""Whose turn it is in a namespace stands in a Lease: it is believed while it is fresh, and taken when it is not."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from chaos.environments.kubernetes.reserving import LASTS_SECONDS
from chaos.model.errors import Refused
from tests.unit.kubernetes_environment.api import Answer, api_server, status
from tests.unit.kubernetes_environment.test_residues import environment


class Leases:
    """The namespace's API for its one Lease; `lose` is how many writes come too late."""

    def __init__(self, holder: str = "", age_seconds: float = 0.0, lose: int = 0) -> None:
        self.holder, self.age_seconds, self.lose = holder, age_seconds, lose
        self.written: list[str] = []

    def __call__(self, method: str, path: str) -> Answer:
        assert re.search(r"/namespaces/shop/leases(/steadfast-run)?$", path)
        if method == "GET":
            return (200, self._lease()) if self.holder else status(404, "not found")
        if self.lose:
            self.lose -= 1
            return status(409, "somebody was faster")
        self.written.append(method)
        return 200, {}

    def _lease(self) -> dict[str, object]:
        renewed = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - self.age_seconds))
        spec = {"holderIdentity": self.holder, "leaseDurationSeconds": LASTS_SECONDS, "renewTime": renewed}
        return {"metadata": {"name": "steadfast-run", "resourceVersion": "7"}, "spec": spec}


@pytest.mark.parametrize(
    ("leases", "written"),
    [
        (Leases(), ["POST"]),
        (Leases("mine on laptop"), ["PATCH"]),
        (Leases("other on ci", age_seconds=LASTS_SECONDS + 2), ["PATCH"]),
        (Leases(lose=2), ["POST"]),
    ],
    ids=["nobody has it", "it is renewed", "it has expired", "others come and go"],
)
def test_a_namespace_that_is_free_is_taken(tmp_path: Path, leases: Leases, written: list[str]) -> None:
    with api_server(tmp_path, leases) as kubeconfig:
        environment(kubeconfig).reserve("mine")
    assert leases.written == written


def test_one_that_is_taken_is_refused_and_names_run_and_machine(tmp_path: Path) -> None:
    leases = Leases("other on ci", age_seconds=3)
    with api_server(tmp_path, leases) as kubeconfig, pytest.raises(Refused, match="other on ci"):
        environment(kubeconfig).reserve("mine")
    assert leases.written == []


@pytest.mark.parametrize(("holder", "written"), [("mine on laptop", ["DELETE"]), ("other on ci", []), ("", [])])
def test_only_its_own_run_lets_go(tmp_path: Path, holder: str, written: list[str]) -> None:
    leases = Leases(holder)
    with api_server(tmp_path, leases) as kubeconfig:
        environment(kubeconfig).free("mine")
    assert leases.written == written
