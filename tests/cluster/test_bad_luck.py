"""What goes wrong beside a run: the API server restarts, a node is lost, rights are taken away. The answer is right all
the same, and nothing is left."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.journal.read import read, read_open_injections
from chaos.journal.runs import all_runs
from chaos.model.events import Injected
from tests.cluster.accounts import account, await_rights
from tests.cluster.network_stage import NetworkStage
from tests.cluster.stage import EXPERIMENT, REPLICAS, Stage, wait_until
from tests.cluster.test_runs import ONE_POD, ROOT, WORKLOAD, node_commands, start

pytestmark = pytest.mark.slow
LINK = "{link: {from: client, to: server}, amount: all}"


@pytest.mark.parametrize(
    ("fault", "target"), [("{kubernetes/scale: {replicas: 1}}", WORKLOAD), ("kubernetes/network_isolation", ONE_POD)]
)
def test_the_api_server_restarts_while_a_fault_is_on(whole: Stage, fault: str, target: str) -> None:
    restart = api_restart()
    run = start(whole, whole.experiment("blind", fault, target, duration="30s", margin="60s"))
    wait_until(lambda: injected(whole.home), 120, "the fault is on")
    assert subprocess.run(restart, shell=True, check=False, timeout=300).returncode == 0
    code = run.wait(240)
    said = (whole.folder / "run.log").read_text()
    assert code == 5, said
    assert "cannot tell whether environment 'stage' is armed" in said
    assert read_open_injections(all_runs(whole.home)[-1].journal) == ()
    assert whole.residues() == ()


def test_a_node_is_lost_while_two_of_its_pods_are_faulted(whole: Stage, tmp_path: Path) -> None:
    """One fault is held by the toolkit from outside, the other one by an agent in the pod, which dies with the node."""
    node = whole.a_node
    network = NetworkStage(whole.kubeconfig, f"{whole.namespace}-links", tmp_path / "links", server_node=node)
    network.folder.mkdir()
    network.start()
    try:
        target = f"{{instance: {{service: web, node: {node}}}}}"
        held = whole.experiment("held", "kubernetes/network_isolation", target, duration="30s", margin="2s")
        text = EXPERIMENT.format(
            name="inside", fault="{latency: {delay: 200ms}}", target=LINK, duration="30s", margin="2s"
        )
        inside = network.folder / "inside.yaml"
        inside.write_text(text)
        of_link = network.start_chaos("run", str(inside), "-e", str(network.environment_file()))
        of_pod = start(whole, held)
        wait_until(lambda: injected(network.home) and injected(whole.home), 120, "both faults are on")
        with lost(node):
            for run in (of_pod, of_link):
                run.send_signal(signal.SIGINT)
            assert of_pod.wait(240) == 6, (whole.folder / "run.log").read_text()
            assert of_link.wait(240) == 6, (network.folder / "run.log").read_text()
        # Until the cluster itself has noticed, a pod without power is one that runs and does not answer.
        assert re.search("(Still|Perhaps still) broken: ", said := (whole.folder / "run.log").read_text()), said
        said = (network.folder / "run.log").read_text()
        assert "Perhaps still broken: nobody can tell whether" in said, said
        wait_until(lambda: closed(whole.home), 240, "the lease holder has seen the pod answer")
        wait_until(lambda: network.chaos("rollback", "last").returncode == 0, 240, "the link is as fast as before")
        assert whole.residues() == ()
        assert network.ruleset() == ""
    finally:
        network.stop()


def test_rights_are_taken_away_while_a_fault_is_on(whole: Stage) -> None:
    file = whole.experiment("disowned", "{kubernetes/scale: {replicas: 1}}", WORKLOAD, duration="30s", margin="60s")
    with account(whole, "disowned", file) as disowned:
        await_rights(disowned, file)
        run = start(whole, file, disowned.environment)
        disowned.unbind()
        code = run.wait(240)
        said = (whole.folder / "run.log").read_text()
        assert code == 6, said
        assert "forbids it" in said
        assert whole.chaos("rollback", "last").returncode == 6, "nor may this account now"
        left = whole.chaos("rollback", "--scan", "--all", "-e", str(whole.environment_file()))
        assert left.returncode == 0, left.stdout + left.stderr
        assert whole.workload().spec.replicas == REPLICAS
        disowned.bind()
        wait_until(lambda: whole.chaos("rollback", "last").returncode == 0, 90, "its journal is closed by looking")


def injected(home: Path) -> bool:
    return any(isinstance(event, Injected) for run in all_runs(home) for event in read(run.journal))


def closed(home: Path) -> bool:
    return read_open_injections(all_runs(home)[-1].journal) == ()


@contextmanager
def lost(node: str) -> Iterator[None]:
    """A node without power."""
    stop, begin = (shlex.split(command.format(node=node)) for command in node_commands())
    try:
        subprocess.run(stop, check=True, capture_output=True, timeout=240)
        yield
    finally:
        subprocess.run(begin, check=True, capture_output=True, timeout=240)


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
