"""What goes wrong beside a run: the API server restarts, a node is lost, rights are taken away. The answer is right all
the same, and nothing is left."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from chaos.journal.read import read_open_injections
from chaos.journal.runs import all_runs
from tests.cluster.stage import Stage, wait_until
from tests.cluster.test_runs import ONE_POD, ROOT, WORKLOAD, start

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("fault", "target"), [("{kubernetes/scale: {replicas: 1}}", WORKLOAD), ("kubernetes/network_isolation", ONE_POD)]
)
def test_the_api_server_restarts_while_a_fault_is_on(whole: Stage, fault: str, target: str) -> None:
    restart = api_restart()
    run = start(whole, whole.experiment("blind", fault, target, duration="3s", margin="20s"))
    assert subprocess.run(restart, shell=True, check=False, timeout=120).returncode == 0
    code = run.wait(60)
    said = (whole.folder / "run.log").read_text()
    assert code == 5, said
    assert "cannot tell whether environment 'stage' is armed" in said
    assert read_open_injections(all_runs(whole.home)[-1].journal) == ()
    assert whole.residues() == ()


def api_restart() -> str:
    """A shell command that kills the API server and brings it up: TEST_API_RESTART, else the test cluster's own way."""
    given = os.environ.get("TEST_API_RESTART", "")
    if given:
        return given
    cluster = Path(os.environ.get("TEST_CLUSTER", ROOT.parent / "shared" / "cluster"))
    pid = Path(os.environ.get("CHAOS_CLUSTER_STATE", "/var/lib/chaos-cluster")) / "run" / "kube-apiserver.pid"
    if not (cluster / "up").is_file() or not pid.is_file():
        pytest.skip("no way to restart the API server: TEST_API_RESTART is not set")
    return f"kill -9 $(cut -d' ' -f1 {shlex.quote(str(pid))}); {shlex.quote(str(cluster / 'up'))} > /dev/null"
