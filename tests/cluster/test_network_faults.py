"""Faults on the links of running pods: seen from the client's pod to act and to end, and nothing stays behind."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from chaos.environments.kubernetes.agents import Agents
from chaos.environments.kubernetes.connection import Request
from chaos.journal.read import read, read_open_injections
from chaos.journal.runs import all_runs
from chaos.model.capabilities import CanShapeLinks
from chaos.model.errors import ActionFailed
from chaos.model.events import Injecting
from chaos.model.fault import Active, Undo
from chaos.model.system import JSON
from tests.cluster.network_stage import PORT, Injection, NetworkStage
from tests.cluster.stage import EXPERIMENT, the_kubeconfig, wait_until
from tests.cluster.test_runs import kill

pytestmark = pytest.mark.slow

QUIET = "quiet"
"""A pod with an agent to which nobody says anything."""

ON_THE_LINK: dict[str, dict[str, JSON]] = {
    "latency": {"delay_ms": 100.0, "jitter_ms": 10.0},
    "black_hole": {},
    "one_way_partition": {"direction": "from"},
    "reset": {},
    "bandwidth": {"rate_bytes_per_second": 100_000.0, "path": "/large"},
    "slow_close": {"delay_ms": 300.0},
    "dependency_errors": {"share": 0.5},
    "packet_loss": {"share": 0.2},
    "partition": {},
}
ONE_CONNECTION = """
import http.client, os, time
connection = http.client.HTTPConnection(*server)
connection.connect()
first = connection.sock
end = time.monotonic() + 110
while time.monotonic() < end and not os.path.exists("/tmp/enough"):
    began = time.perf_counter()
    connection.request("GET", "/")
    connection.getresponse().read()
    assert connection.sock is first
    with open("/tmp/took", "a") as file:
        print((time.perf_counter() - began) * 1000, file=file)
    time.sleep(0.1)
"""
TOOK = "import os; print(open('/tmp/took').read() if os.path.exists('/tmp/took') else '')"
LEFT_BEHIND = """
import asyncio
from chaos.agent import tables
from chaos.agent.orders import begin
from chaos.model.links import Silence
order = begin("left", (("CALLER",), (PORT,)), Silence(), 8)
asyncio.run(tables.write(order, tables.kernel_rules(Silence(), (PORT,))))
"""
"""What an agent leaves that is killed right after it has begun: rules, and nobody who knows of them."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkStage]:
    name = f"chaos-f-{uuid.uuid4().hex[:8]}"
    stage = NetworkStage(the_kubeconfig(), name, tmp_path_factory.mktemp("network"))
    try:
        stage.start()
        stage.create_pod(QUIET)
        stage.wait_until_ready(QUIET)
        Agents(stage.agent_image).place_all([stage.place(QUIET)])
        yield stage
    finally:
        stage.stop()


@pytest.mark.parametrize("kind", ON_THE_LINK)
def test_a_fault_acts_and_ends_and_leaves_no_rule(stage: NetworkStage, kind: str) -> None:
    injection = Injection(stage, kind, ON_THE_LINK[kind])
    fault, environment = injection.fault, injection.environment
    undo = injection.prepare()
    assert stage.in_effect() == []
    injection.await_end(undo)
    fault.inject(environment, undo)
    fault.inject(environment, undo)
    try:
        injection.await_effect(undo)
    finally:
        again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
        for _ in range(2):
            fault.revert(stage.environment(), again)  # an environment that knows nothing of what was done
    injection.await_end(undo)
    assert stage.ruleset() == ""


def test_a_delay_slows_a_connection_down_that_was_there_before(stage: NetworkStage) -> None:
    injection = Injection(stage, "latency", {"delay_ms": 300.0})
    undo = injection.prepare()
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(stage.in_client, ONE_CONNECTION)
        try:
            wait_until(lambda: last_ms(stage) < 100, 60, "requests are answered soon")
            injection.fault.inject(injection.environment, undo)
            wait_until(lambda: last_ms(stage) >= 300, 60, "they are answered late")
            injection.fault.revert(injection.environment, undo)
            wait_until(lambda: last_ms(stage) < 100, 60, "they are answered soon again")
        finally:
            stage.in_client("open('/tmp/enough', 'w').close()")
        watching.result()  # it was the same connection all the time


def last_ms(stage: NetworkStage) -> float:
    """How long the client's last request took."""
    took = stage.in_client(TOOK).split()
    return float(took[-1]) if took else math.inf


def test_a_lease_ends_without_anybody_who_asks_for_it(stage: NetworkStage) -> None:
    Injection(stage, "black_hole", {}).prepare()  # agents are in both pods: their start takes nothing of the lease
    injection = Injection(stage, "black_hole", {}, lease_seconds=10.0)
    undo = injection.prepare()
    injection.fault.inject(injection.environment, undo)
    assert injection.fault.active(injection.environment, undo).active is Active.YES
    injection.await_end(undo)
    wait_until(lambda: stage.ruleset() == "", 60, "nothing is left of it")


def test_rules_that_nobody_takes_away_end_in_the_kernel_and_the_next_agent_removes_them(stage: NetworkStage) -> None:
    environment, link = stage.environment(), stage.link.name
    assert environment.knock([link], 1000)[link].over == "answered", "agents are there"
    client = stage.pod("client")
    assert client is not None
    code = LEFT_BEHIND.replace("CALLER", client.status.pod_ip).replace("PORT", str(PORT))
    stage.in_agent("python", "-c", code)
    assert environment.knock([link], 1000)[link].over == "silent"
    wait_until(lambda: environment.knock([link], 1000)[link].over == "answered", 60, "the kernel has ended it")
    assert "drop" in stage.in_agent("nft", "list", "ruleset")
    stage.in_agent("python", "-c", "import asyncio; from chaos.agent import tables; asyncio.run(tables.remove_all())")
    assert stage.ruleset() == ""


def test_only_the_link_is_touched(stage: NetworkStage) -> None:
    """Somebody else, here the API server's proxy, reaches the pod as ever."""
    injection = Injection(stage, "black_hole", {}, lease_seconds=120.0)
    undo = injection.prepare()
    injection.fault.inject(injection.environment, undo)
    try:
        path = f"{stage.pods_path}/server:{PORT}/proxy/"
        assert stage.cluster.send(Request(method="GET", path=path)) == b"well"
    finally:
        injection.fault.revert(injection.environment, undo)


def test_a_namespace_that_forbids_such_pods_is_refused_before_anything_is_touched(stage: NetworkStage) -> None:
    path = f"/api/v1/namespaces/{stage.namespace}"
    stage.cluster.patch(path, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}})
    try:
        said = stage.environment().refusal(CanShapeLinks, stage.link.name)
    finally:
        stage.cluster.patch(path, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}})
    assert "PodSecurity" in said
    assert "NET_ADMIN" in said
    assert stage.environment().refusal(CanShapeLinks, stage.link.name) == ""


def test_an_image_that_is_not_there_is_a_sentence_and_nothing_is_changed(stage: NetworkStage) -> None:
    stage.create_pod("other")
    try:
        stage.wait_until_ready("other")
        agents = Agents("nowhere/steadfast-agent:gone")
        with pytest.raises(ActionFailed, match=r"nowhere/steadfast-agent:gone is not on the node of other") as raised:
            agents.place_all([stage.place("other")])
        assert raised.value.took_effect == "no"
    finally:
        stage.delete_pod("other")


def test_a_run_without_the_image_is_refused_before_its_first_injection(stage: NetworkStage, tmp_path: Path) -> None:
    """An agent that cannot start stays listed in its pod: it must be none of those of the other tests."""
    stage.create_pod("other")
    nowhere = replace(stage, agent_image="nowhere/steadfast-agent:gone", folder=tmp_path)
    target = "{link: {from: other, to: server}, amount: all}"
    text = EXPERIMENT.format(name="late", fault="{latency: {delay: 200ms}}", target=target, duration="5s", margin="5s")
    file = tmp_path / "late.yaml"
    file.write_text(text)
    given = (str(file), "-e", str(nowhere.environment_file()))
    try:
        stage.wait_until_ready("other")
        Agents(stage.agent_image).place_all([stage.place("server")])
        planned = nowhere.chaos("plan", *given)
        assert "latency: who calls is looked up at the injection" in planned.stdout, planned.stdout
        done = nowhere.chaos("run", *given)
        assert done.returncode == 4, done.stdout + done.stderr
        assert "nowhere/steadfast-agent:gone is not on the node of other" in done.stdout + done.stderr
        assert not any(isinstance(event, Injecting) for event in read(all_runs(nowhere.home)[-1].journal))
        Agents(stage.agent_image).place_all([stage.place("other")])
    finally:
        stage.delete_pod("other")


def test_a_scan_finds_what_agents_hold_and_ends_it_when_asked_to(stage: NetworkStage) -> None:
    injection = Injection(stage, "latency", {"delay_ms": 200.0})
    undo = injection.prepare()
    injection.fault.inject(injection.environment, undo)
    command = ["rollback", "--scan", "-e", str(stage.environment_file())]
    kept = stage.chaos(*command)
    assert (kept.returncode, "0 found that should be gone, 1 that may stay" in kept.stdout) == (0, True), kept.stdout
    assert stage.in_effect() != []
    ended = stage.chaos(*command, "--all")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "reverted: network change of pod/server" in ended.stdout
    assert stage.ruleset() == ""


def test_kill_9_of_run_and_guardian_leaves_nothing_after_the_lease(stage: NetworkStage) -> None:
    target = "{link: {from: client, to: server}, amount: all}"
    text = EXPERIMENT.format(name="cut", fault="{latency: {delay: 200ms}}", target=target, duration="8s", margin="2s")
    file = stage.folder / "cut.yaml"
    file.write_text(text)
    run = stage.start_chaos("run", str(file), "-e", str(stage.environment_file()))
    try:
        wait_until(lambda: stage.in_effect() != [], 120, "the fault is in effect")
    finally:
        kill(run, "chaos.engine.guardian")
    wait_until(lambda: stage.ruleset() == "", 90, "the lease has ended")
    journal = all_runs(stage.home)[-1].journal
    assert read_open_injections(journal) != (), "nobody was left who could have written it down"
    done = stage.chaos("rollback", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_open_injections(journal) == ()


def test_a_pod_that_is_deleted_while_it_is_faulted_counts_as_reverted(stage: NetworkStage) -> None:
    injection = Injection(stage, "latency", {"delay_ms": 200.0})
    undo = injection.prepare()
    injection.fault.inject(injection.environment, undo)
    stage.delete_pod("server")
    try:
        injection.fault.revert(injection.environment, undo)
        seen = injection.fault.active(injection.environment, undo)
        assert seen.active is Active.NO, seen.evidence
    finally:
        stage.create_pod("server")
        stage.wait_until_ready("server")


def test_an_agent_ends_by_itself_when_there_is_nothing_to_do(stage: NetworkStage) -> None:
    """The last one: it takes a minute, which for this agent began with the first test."""
    wait_until(lambda: stage.has_ended(QUIET), 240, "the agent has ended")
