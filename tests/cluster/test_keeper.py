"""The keeper puts right what was left on a real cluster by runs of which no process lives."""

from __future__ import annotations

import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from chaos.environments.kubernetes.answers import NotThere
from chaos.environments.kubernetes.keeping import KEEPER, KEEPS
from chaos.model.capabilities import CanKill
from tests.cluster.stage import SOON_SECONDS, Stage, wait_until
from tests.cluster.test_runs import ONE_POD, WORKLOAD, kill, start

pytestmark = pytest.mark.slow
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


@contextmanager
def keeper(stage: Stage) -> Iterator[str]:
    """A keeper of the stage, a process outside: only its connection differs from one in the cluster. Yields its URL."""
    command = stage.command("keeper", "--environment", str(stage.environment_file()), "--port", "0")
    log = stage.folder / "keeper.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, env=stage.variables, stdout=written, stderr=written)
    try:
        wait_until(lambda: stage.environment().is_kept(CanKill), 120, "the keeper has announced itself")
        yield str(re.findall(r"http://[\d.:]+", log.read_text())[0])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(90) == 0, log.read_text()
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def _no_word_stays(stage: Stage) -> Iterator[None]:
    """What a keeper has announced would be believed by the next test, and be in the way of a chart that makes it."""
    yield
    with suppress(NotThere):
        stage.cluster.delete(f"{LEASES.format(stage.namespace)}/{KEEPER}")


@pytest.mark.parametrize(
    ("fault", "target"),
    [
        ("kill", ONE_POD),
        ("{kubernetes/scale: {replicas: 0}}", WORKLOAD),
        ("kubernetes/network_isolation", ONE_POD),
        ("{kubernetes/taint: {taint: 'chaos=true:PreferNoSchedule'}}", "{node: {name: NODE}}"),
    ],
)
def test_nothing_is_left_soon_after_the_lease_though_every_process_of_the_run_is_dead(
    whole: Stage, fault: str, target: str
) -> None:
    target = target.replace("NODE", whole.a_node)
    file = whole.experiment("orphan", fault, target, duration="8s", margin="100ms")
    with keeper(whole) as url:
        planned = whole.chaos("plan", str(file), "-e", str(whole.environment_file()))
        assert "is ended by the keeper in the cluster when its lease runs out" in planned.stdout, planned.stdout
        run = start(whole, file)
        assert "chaos.engine.lease" not in helpers_of(run.pid), "no detached lease holder is needed"
        kill(run, "chaos.engine.guardian", "chaos.engine.lease")
        [residue] = whole.residues()
        wait_until(lambda: whole.residues() == (), 120, "the keeper has reverted it")
        assert time.time() - residue.until < SOON_SECONDS
        with urllib.request.urlopen(url + "/metrics") as answer:
            assert "steadfast_keeper_reverted_total 1\n" in answer.read().decode()
    assert whole.chaos("rollback", "last").returncode == 0, "its journal is closed, and lets the next run in"


def test_a_keeper_that_is_gone_is_named_by_no_plan_however_it_went(whole: Stage) -> None:
    file = whole.experiment("alone", "kill", ONE_POD)
    with keeper(whole):
        pass
    assert not whole.environment().is_kept(CanKill), "it has taken its word back"
    path = f"{LEASES.format(whole.namespace)}/{KEEPER}"
    kept = {"metadata": {"annotations": {KEEPS: "workloads"}}}
    whole.cluster.patch(path, kept)
    assert whole.environment().is_kept(CanKill)
    whole.cluster.patch(path, {**kept, "spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}})  # killed, 15 s later
    planned = whole.chaos("plan", str(file), "-e", str(whole.environment_file()))
    assert "kill is ended by the lease holder when its lease runs out" in planned.stdout, planned.stdout


def helpers_of(pid: int) -> str:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return " ".join(Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ") for each in children)
