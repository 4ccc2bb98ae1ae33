"""Faults of regions that are made of links, on pods: measured from a pod beyond the border and from one within."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.model.system import JSON
from tests.cluster.network_stage import Injection, NetworkStage

pytestmark = pytest.mark.slow
DELAY_MS = 200.0
OPEN_FIVE = """
import json, socket, time
took = []
for _ in range(5):
    began = time.perf_counter()
    try:
        socket.create_connection(server, 1).close()
        took.append((time.perf_counter() - began) * 1000)
    except TimeoutError:
        pass
print(json.dumps(took))
"""
"""Milliseconds that connections took; those are missing that had no answer for a second."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkStage]:
    """A server, a neighbour that calls it from the same region, and a client in another one."""
    kubeconfig = os.environ.get("KUBECONFIG")
    if not kubeconfig:
        pytest.skip("no cluster: KUBECONFIG is not set")
    name = f"chaos-r-{uuid.uuid4().hex[:8]}"
    stage = NetworkStage(Path(kubeconfig), name, tmp_path_factory.mktemp("regions"), across=True)
    try:
        stage.start()
        stage.create_pod("neighbour")
        stage.wait_until_ready("neighbour")
        yield stage
    finally:
        stage.stop()


@pytest.mark.parametrize(
    ("kind", "parameters", "beyond", "within"),
    [
        ("region_isolation", {}, "silent", "quick"),
        ("slow_region_link", {"delay_ms": DELAY_MS}, "late", "quick"),
        ("brown_out", {"delay_ms": DELAY_MS, "share": 1.0}, "late", "late"),
    ],
)
def test_who_is_beyond_the_border_and_who_within_meets_what_the_fault_says(
    stage: NetworkStage, kind: str, parameters: dict[str, JSON], beyond: str, within: str
) -> None:
    injection = Injection(stage, kind, parameters)
    fault, environment = injection.fault, injection.environment
    assert stage.link.source_region != stage.link.destination_region, "the cluster has several regions"
    undo = injection.prepare()
    assert (met(stage, "client"), met(stage, "neighbour")) == ("quick", "quick")
    try:
        fault.inject(environment, undo)
        injection.await_effect(undo)
        assert (met(stage, "client"), met(stage, "neighbour")) == (beyond, within)
    finally:
        fault.revert(stage.environment(), undo)
    injection.await_end(undo)
    assert (met(stage, "client"), met(stage, "neighbour")) == ("quick", "quick")
    assert stage.ruleset() == ""


def met(stage: NetworkStage, pod: str) -> str:
    """What connections to the server meet, opened in its own container; a busy machine only makes them slower."""
    took = json.loads(stage.in_pod(pod, OPEN_FIVE))
    if not took:
        return "silent"
    return "late" if min(took) >= DELAY_MS else "quick"
