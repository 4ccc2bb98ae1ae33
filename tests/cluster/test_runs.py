"""Whole runs of `chaos` on real pods, and what is left of them when everything is killed."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from chaos.journal.read import read, read_open_injections
from chaos.journal.runs import all_runs
from chaos.model.events import Injected
from tests.cluster.stage import Stage, wait_until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
ONE_POD = "{instance: {service: web}}"
WORKLOAD = "{workload: {name: deployment/web}}"


def evidence(stage: Stage) -> str:
    events = read(all_runs(stage.home)[-1].journal)
    return "\n".join(event.evidence for event in events if isinstance(event, Injected))


def test_a_run_holds_and_its_evidence_names_uid_and_node(whole: Stage) -> None:
    before = {str(each.identity["uid"]) for each in whole.environment().inventory().instances if each.identity}
    file = whole.experiment("one-dies", "kill", ONE_POD)
    done = whole.chaos("run", str(file), "-e", str(whole.environment_file()))
    assert done.returncode == 0, done.stdout + done.stderr
    said = evidence(whole)
    assert any(uid in said for uid in before), said
    assert "node " in said
    assert whole.workload().spec.replicas == 3


@pytest.mark.parametrize(
    ("fault", "target"),
    [
        ("kill", ONE_POD),
        ("{kubernetes/scale: {replicas: 0}}", WORKLOAD),
        ("kubernetes/network_isolation", ONE_POD),
        ("kubernetes/cordon", "{node: {name: NODE}}"),
    ],
)
def test_kill_9_of_run_and_guardian_leaves_nothing_after_the_lease(whole: Stage, fault: str, target: str) -> None:
    target = target.replace("NODE", whole.a_node)
    file = whole.experiment("cut", fault, target, duration="8s", margin="100ms")
    run = start(whole, file)
    kill(run, "chaos.engine.guardian")
    assert whole.residues() != (), "the lease still runs"
    wait_until(lambda: whole.residues() == (), 120, "the lease holder has reverted it")
    journal = all_runs(whole.home)[-1].journal
    wait_until(lambda: read_open_injections(journal) == (), 120, "and has written that down")


def test_a_second_run_is_refused_wherever_it_comes_from_until_the_first_is_over(whole: Stage, tmp_path: Path) -> None:
    first = start(whole, whole.experiment("first", "kill", ONE_POD, duration="120s"))
    name = all_runs(whole.home)[-1].run
    file, environment = str(whole.experiment("second", "kill", ONE_POD)), str(whole.environment_file())
    here, whole.home = whole.home, tmp_path / "elsewhere"  # as on another machine: no lock, no journal of the first
    refused = whole.chaos("run", file, "-e", environment)
    said = refused.stdout + refused.stderr
    assert refused.returncode == 4, said
    assert f"another run is under way in namespace {whole.namespace}" in said
    assert f"{name} on {socket.gethostname()}" in said
    first.kill()
    first.wait()
    wait_until(lambda: whole.chaos("run", file, "-e", environment).returncode == 0, 90, "the guardian has let it in")
    whole.home = here


def test_what_nobody_has_reverted_is_found_by_a_scan_once_it_has_expired(whole: Stage) -> None:
    file = whole.experiment("forgotten", "kill", ONE_POD, duration="12s", margin="100ms")
    environment = str(whole.environment_file())
    run = start(whole, file)
    kill(run, "chaos.engine.guardian", "chaos.engine.lease")
    early = whole.chaos("rollback", "--scan", "-e", environment)
    assert (early.returncode, "1 that may stay" in early.stdout) == (0, True), early.stdout + early.stderr
    assert whole.workload().spec.replicas == 2
    [residue] = whole.residues()
    time.sleep(max(0.0, residue.until - time.time()))
    late = whole.chaos("rollback", "--scan", "-e", environment)
    assert late.returncode == 0
    assert "reverted: kill of deployment/web" in late.stdout, late.stdout + late.stderr
    assert whole.workload().spec.replicas == 3
    assert whole.chaos("rollback", "last").returncode == 0, "its journal is closed by looking, and lets the next run in"


def test_the_journal_of_a_dead_run_reverts_it_too_and_knows_its_cluster(whole: Stage) -> None:
    file = whole.experiment("dead", "{kubernetes/scale: {replicas: 1}}", WORKLOAD, duration="120s")
    run = start(whole, file)
    kill(run, "chaos.engine.guardian", "chaos.engine.lease")
    done = subprocess.run(
        whole.command("rollback", "last"),
        env={**whole.variables, "KUBECONFIG": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert whole.workload().spec.replicas == 3


def test_a_region_without_power_is_a_lost_region_and_comes_back(whole: Stage) -> None:
    driver = node_driver()
    instances = whole.environment().inventory().instances
    region = instances[0].region
    there = sum(each.region == region for each in instances)
    file = whole.experiment("dark", "region_outage", f"{{region: {{name: {region}}}}}", duration="3s")
    environment = whole.environment_file("dark.env.yaml", regionFailure="nodeStop", nodeDriver=driver)
    done = whole.chaos("run", str(file), "-e", str(environment))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"0 of {there} instances of {region} are up" in evidence(whole)


def node_driver() -> str:
    """As YAML."""
    stop, start = node_commands()
    return f'{{stop: "{stop}", start: "{start}"}}'


def node_commands() -> tuple[str, str]:
    """What stops a {node} and starts it: TEST_NODE_STOP and TEST_NODE_START, else the test cluster's own."""
    stop, start = os.environ.get("TEST_NODE_STOP", ""), os.environ.get("TEST_NODE_START", "")
    if not stop or not start:
        place = Path(os.environ.get("TEST_CLUSTER", ROOT.parent / "shared" / "cluster")) / "node"
        if not place.is_file():
            pytest.skip("no node driver: TEST_NODE_STOP and TEST_NODE_START are not set")
        stop, start = (f"{shlex.quote(str(place))} {action} {{node}}" for action in ("stop", "start"))
    return stop, start


def start(stage: Stage, file: Path, environment: Path | None = None) -> subprocess.Popen[bytes]:
    """A run that has injected something; it is killed if it does not."""
    with (stage.folder / "run.log").open("wb") as log:
        command = stage.command("run", str(file), "-e", str(environment or stage.environment_file()))
        run = subprocess.Popen(command, env=stage.variables, stdout=log, stderr=log)
    deadline = time.monotonic() + 120
    looking = stage.environment()  # the same one all the time: to connect anew would cost of the lease
    while not stage.residues(looking):
        if run.poll() is not None or time.monotonic() > deadline:
            run.kill()
            run.wait()
            raise AssertionError("nothing was injected: " + (stage.folder / "run.log").read_text())
        time.sleep(0.1)
    return run


def kill(run: subprocess.Popen[bytes], *helpers: str) -> None:
    """The helpers first: they would notice that the run is gone."""
    for pid in map(int, Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()):
        if any(helper.encode() in Path(f"/proc/{pid}/cmdline").read_bytes() for helper in helpers):
            os.kill(pid, signal.SIGKILL)
    run.kill()
    run.wait()
