"""Pods that stand still: seen from outside to answer nothing, and to go on as if nothing had been."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest

from chaos.environments.kubernetes.agent_pods import PROCESSES
from chaos.environments.kubernetes.agent_pods import Pod as AgentsPod
from chaos.environments.kubernetes.pod_exec import Cut, run_in
from chaos.journal.read import read_open_injections
from chaos.journal.runs import all_runs
from chaos.model.capabilities import CanPause
from chaos.model.fault import Active, Undo
from tests.cluster.network_stage import Injection, NetworkStage
from tests.cluster.stage import EXPERIMENT, the_kubeconfig, wait_until
from tests.cluster.test_runs import kill

pytestmark = pytest.mark.slow
ASK = """
import urllib.request
try:
    print(urllib.request.urlopen("http://%s:%d/" % server, timeout=2).read().decode())
except TimeoutError:
    print("silent")
"""

KILL_THE_HOLDER = """
import os
for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
    words = open(f"/proc/{pid}/cmdline", "rb").read()
    if b"chaos.agent" in words and pid != os.getpid():
        os.kill(pid, 9)
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkStage]:
    stage = NetworkStage(the_kubeconfig(), f"chaos-s-{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("standing"))
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


@pytest.mark.parametrize("kind", ["pause", "freeze"])
def test_a_pod_stands_still_until_it_is_let_go(stage: NetworkStage, kind: str) -> None:
    injection = Injection(stage, kind, {})
    undo = injection.prepare()
    injection.await_end(undo)
    injection.fault.inject(injection.environment, undo)
    injection.fault.inject(injection.environment, undo)
    try:
        injection.await_effect(undo)
        assert stage.in_client(ASK) == "silent"
        assert {each.holder for each in stage.environment().residues_inside()} != set()
    finally:
        again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
        for _ in range(2):
            injection.fault.revert(stage.environment(), again)  # an environment that knows nothing of what was done
    injection.await_end(undo)
    wait_until(lambda: stage.in_client(ASK) == "well", 60, "the server answers")
    assert stage.environment().residues_inside() == ()


@pytest.mark.parametrize("how", ["its lease ends", "its holder is killed"])
def test_nobody_needs_to_ask_for_its_end(stage: NetworkStage, how: str) -> None:
    Injection(stage, "pause", {}).environment.make_ready(CanPause, ["server"])
    injection = Injection(stage, "pause", {}, lease_seconds=8.0 if "lease" in how else 300.0)
    undo = injection.prepare()
    injection.fault.inject(injection.environment, undo)
    assert injection.fault.active(injection.environment, undo).active is Active.YES
    if "killed" in how:
        holder = stage.cluster.get(f"{stage.pods_path}/server", AgentsPod).agents(PROCESSES)[-1]
        with suppress(Cut):  # it may die with the container before it can say that it is done
            run_in(stage.place("server"), holder, ["python", "-c", KILL_THE_HOLDER], "", 60)
    wait_until(lambda: stage.in_client(ASK) == "well", 60, "the server answers")
    injection.await_end(undo)


def test_a_run_that_is_killed_leaves_nothing_after_the_lease(stage: NetworkStage) -> None:
    target = "{instance: {service: server}}"
    file = stage.folder / "cut.yaml"
    file.write_text(EXPERIMENT.format(name="cut", fault="pause", target=target, duration="8s", margin="2s"))
    run = stage.start_chaos("run", str(file), "-e", str(stage.environment_file()))
    try:
        wait_until(lambda: stage.environment().residues_inside() != (), 120, "the pod stands still")
    finally:
        kill(run, "chaos.engine.guardian")
    wait_until(lambda: stage.in_client(ASK) == "well", 90, "the lease has ended")
    assert read_open_injections(all_runs(stage.home)[-1].journal) != (), "nobody was left who could have said so"
    done = stage.chaos("rollback", "last")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_namespace_that_forbids_such_pods_is_refused_before_anything_is_touched(stage: NetworkStage) -> None:
    path = f"/api/v1/namespaces/{stage.namespace}"
    stage.cluster.patch(path, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}})
    try:
        said = stage.environment().refusal(CanPause, "server")
    finally:
        stage.cluster.patch(path, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}})
    assert "SYS_PTRACE" in said
    assert stage.environment().refusal(CanPause, "server") == ""
