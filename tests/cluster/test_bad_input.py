"""What cannot work is refused with a sentence, before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.accounts import account, await_rights, changed_kubeconfig
from tests.cluster.stage import Stage, wait_until

pytestmark = pytest.mark.slow
KILL = ("kill", "{instance: {service: web}}")


def refused(stage: Stage, environment: Path, code: int, *sentences: str, fault: tuple[str, str] = KILL) -> None:
    file = stage.experiment("refused", *fault)
    before = stage.workload().spec.replicas, stage.residues()
    done = stage.chaos("run", str(file), "-e", str(environment))
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    for sentence in sentences:
        assert sentence in said, said
    assert "Traceback" not in said
    assert (stage.workload().spec.replicas, stage.residues()) == before


def test_a_context_that_is_not_there(stage: Stage) -> None:
    environment = stage.environment_file("e.yaml", contexts="[{name: moon}]")
    refused(stage, environment, 2, "there is no context 'moon'", "there are: ")


def test_a_kubeconfig_that_is_not_there(stage: Stage) -> None:
    refused(
        stage, stage.environment_file("e.yaml", kubeconfig="/nowhere/config"), 2, "/nowhere/config", "cannot be used"
    )


def test_an_api_server_that_does_not_answer(stage: Stage) -> None:
    kubeconfig = changed_kubeconfig(stage, "dead.yaml", server="https://127.0.0.1:1")
    refused(
        stage, stage.environment_file("e.yaml", kubeconfig=str(kubeconfig)), 4, "does not answer at https://127.0.0.1:1"
    )


def test_credentials_that_have_expired(stage: Stage) -> None:
    kubeconfig = changed_kubeconfig(stage, "expired.yaml", token="expired")
    environment = stage.environment_file("e.yaml", kubeconfig=str(kubeconfig))
    refused(stage, environment, 4, "does not accept these credentials", "log in again")


def test_a_namespace_that_is_not_there(stage: Stage) -> None:
    refused(stage, stage.environment_file("e.yaml", namespaces="[chaos-moon]"), 4, "there is no namespace chaos-moon")


def test_a_selector_that_matches_nothing(stage: Stage) -> None:
    environment = stage.environment_file("e.yaml", selector="app=moon")
    refused(stage, environment, 4, "the selector app=moon matches no pod")


def test_a_region_in_which_no_node_is(stage: Stage) -> None:
    outage = ("region_outage", "{region: {name: moon}}")
    refused(stage, stage.environment_file(), 4, "no region matches name=moon", fault=outage)


def test_an_environment_file_and_a_namespace_that_are_not_armed(whole: Stage) -> None:
    refused(whole, whole.environment_file("e.yaml", armed=False), 4, "does not say `armed: true`")
    path = f"/api/v1/namespaces/{whole.namespace}"
    whole.cluster.patch(path, {"metadata": {"labels": {"steadfast.dev/armed": None}}})
    try:
        refused(whole, whole.environment_file(), 4, "does not bear the label steadfast.dev/armed=true")
    finally:
        whole.cluster.patch(path, {"metadata": {"labels": {"steadfast.dev/armed": "true"}}})


def test_the_toolkits_own_pods(whole: Stage) -> None:
    name = whole.environment().inventory().instances[0].name
    path = f"/api/v1/namespaces/{whole.namespace}/pods/{name}"
    whole.cluster.patch(path, {"metadata": {"labels": {"app.kubernetes.io/part-of": "steadfast"}}})
    try:
        chosen = ("kill", f"{{instance: {{name: {name}}}}}")
        refused(whole, whole.environment_file(), 4, f"{name} is one of the toolkit's own pods", fault=chosen)
    finally:
        whole.cluster.patch(path, {"metadata": {"labels": {"app.kubernetes.io/part-of": None}}})


def test_an_autoscaler_that_would_undo_it(whole: Stage) -> None:
    path = f"/apis/autoscaling/v2/namespaces/{whole.namespace}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 4}
    whole.cluster.create(path, {"metadata": {"name": "web"}, "spec": spec})
    try:
        refused(
            whole, whole.environment_file(), 4, "horizontalpodautoscaler web keeps deployment web at 3 pods or more"
        )
    finally:
        whole.cluster.delete(f"{path}/web")


def test_the_printed_rights_are_enough_for_their_experiment_and_not_for_another(whole: Stage) -> None:
    file = whole.experiment("with-few-rights", *KILL)
    with account(whole, "few", file) as few:
        await_rights(few, file)
        done = whole.chaos("run", str(file), "-e", str(few.environment))
        assert done.returncode == 0, done.stdout + done.stderr
        cordon = ("kubernetes/cordon", f"{{node: {{name: {whole.a_node}}}}}")
        refused(whole, few.environment, 4, 'does not let us patch "nodes"', fault=cordon)


def test_the_right_to_put_an_agent_into_a_pod_is_asked_for_before_anything_is_touched(whole: Stage) -> None:
    slow = ("{latency: {delay: 100ms}}", "{link: {from: web, to: web}}")
    file = whole.experiment("no-agent", *slow)
    with account(whole, "agentless", file, without="pods/ephemeralcontainers") as agentless:
        said = f'does not let us patch "pods/ephemeralcontainers" in namespace {whole.namespace}'
        wait_until(lambda: said in whole.chaos("plan", str(file), "-e", str(agentless.environment)).stderr, 90, said)
        refused(whole, agentless.environment, 4, said, fault=slow)
