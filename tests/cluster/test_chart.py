"""The chart of the platform as helm renders it and as a real API server takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from target_platform.weaknesses import effective_policies, known
from tests.cluster.charts import CHART, WORKLOADS, kubeconfig, rendered, rendering, run

pytestmark = pytest.mark.slow

ELSEWHERE = (
    "pipeline.enabled=true,pipeline.studio=true,pipeline.store=s3://media?endpoint_url=http://10.0.0.9:7070,"
    "pipeline.queue=nats://$(NATS_USER):$(NATS_PASSWORD)@10.0.0.8/encode,pipeline.credentialsSecret=mine"
)
VALUES = {
    "as it is": [],
    "three regions": ["--set", "regions={us-east-1,us-west-2,eu-west-1}"],
    "claims": ["--set", "persistence.enabled=true,persistence.storageClass=fast"],
    "autoscaling": ["--set", "autoscaling.enabled=true"],
    "weakened": ["--set", "weakened={no-region-failover,replication-forgets}"],
    "fixed ports": [
        "--set",
        "public.nodePorts.gateway.us-east-1=30080,edgeAddresses.us-east-1=203.0.113.7:30081,"
        "hubAddresses.us-east-1=203.0.113.7:30082",
    ],
    "load balancers": ["--set", "public.type=LoadBalancer,networkPolicies.observers={203.0.113.0/24}"],
    "with dashboards and a proxy": ["--set", "monitoring.dashboards=true,toxiproxy.enabled=true"],
    "a proxy of its own image": [
        "--set",
        "toxiproxy.enabled=true,toxiproxy.image=shopify/toxiproxy:2,toxiproxy.proxies[0].name=bank,"
        "toxiproxy.proxies[0].listen=9001,toxiproxy.proxies[0].upstream=bank:443",
    ],
    "a pipeline in one pod": ["--set", "pipeline.enabled=true,pipeline.studio=true,persistence.enabled=true"],
    "a pipeline on real stores": ["--set", ELSEWHERE],
    "only inside": ["--set", "public.type=ClusterIP,networkPolicies.enabled=false,secrets.existingSecret=mine"],
}
MISTAKES = {
    "weakened={no-such-thing}": 'there is no weakness "no-such-thing" (known: acknowledged-before-durable',
    "weakend={no-retry-budget}": "additional properties 'weakend' not allowed",
    "services.gateway.replicas=-1": "at '/services/gateway/replicas': minimum: got -1, want 0",
    "regions=us-east-1": "at '/regions': got string, want array",
    "public.type=Ingress": "at '/public/type': value must be one of 'NodePort', 'LoadBalancer', 'ClusterIP'",
    "networkPolicies.observers={10.0.0.1}": "at '/networkPolicies/observers/0'",
    "edgeAddresses.us-east-1=http://edge": "at '/edgeAddresses/us-east-1'",
    "hubAddresses.us-east-1=30082": "at '/hubAddresses/us-east-1'",
    "toxiproxy.proxies[0].name=bank": "at '/toxiproxy/proxies/0': missing properties 'listen', 'upstream'",
    "pipeline.enabled=true,pipeline.store=s3://media": "pipeline.store and pipeline.queue belong together",
    "pipeline.enabled=true,pipeline.region=mars": 'there is no region "mars" (regions: us-east-1, eu-west-1)',
    "pipeline.store=/media": "at '/pipeline/store'",
    "pipeline.acknowledge=never": "at '/pipeline/acknowledge': value must be one of 'stored', 'at-once'",
    "port=80": "at '/port': minimum: got 80, want 1,024",
}


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    kubeconfig()


def objects(*options: str) -> Iterator[dict[str, Any]]:
    yield from (each for each in yaml.safe_load_all(rendered(*options)) if each)


def test_helm_has_nothing_to_say_against_it() -> None:
    done = run(["helm", "lint", "--strict", str(CHART)])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", VALUES)
def test_a_real_api_server_takes_every_object(name: str) -> None:
    manifests = rendered(*VALUES[name])
    done = run(["kubectl", "apply", "--dry-run=server", "--namespace", "default", "--filename", "-"], manifests)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a warning of the server"
    assert done.stdout.count("created (server dry run)") == sum(1 for _ in objects(*VALUES[name]))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_values_is_refused_with_a_sentence(mistake: str) -> None:
    done = rendering("--set", mistake)
    assert done.returncode != 0
    assert MISTAKES[mistake] in done.stderr


@pytest.mark.parametrize("weakened", [[], *[[name] for name in known()], ["no-region-failover", "no-second-attempt"]])
def test_pods_get_the_policies_that_processes_get(weakened: list[str]) -> None:
    option = f"weakened={json.dumps(weakened)}"
    [config] = [each for each in objects("--set-json", option) if each["kind"] == "ConfigMap"]
    assert yaml.safe_load(config["data"]["policies.yaml"]) == yaml.safe_load(effective_policies(weakened))


def test_only_declared_calls_are_allowed() -> None:
    allowed = {
        (peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"], policy["metadata"]["name"])
        for policy in objects()
        if policy["kind"] == "NetworkPolicy"
        for rule in policy["spec"].get("ingress", ())
        for peer in rule.get("from", ())
        if "app.kubernetes.io/name" in peer.get("podSelector", {}).get("matchLabels", {})
    }
    values = yaml.safe_load((CHART / "values.yaml").read_text())["services"]
    declared = {(name, callee) for name, service in values.items() for callee in service["calls"]}
    assert allowed == {(caller, callee) for caller, callee in declared if not values[callee]["public"]}


def test_dashboards_and_rules_are_those_of_the_repository() -> None:
    made = list(objects("--set", "monitoring.dashboards=true,monitoring.rules=true,monitoring.podMonitor=true"))
    shown = {
        name: json.loads(text)
        for each in made
        if "grafana_dashboard" in each["metadata"]["labels"]
        for name, text in each["data"].items()
    }
    folder = CHART.parents[1] / "dashboards"
    assert shown == {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    [rules] = [each for each in made if each["kind"] == "PrometheusRule"]
    assert rules["spec"] == yaml.safe_load((folder / "rules.yaml").read_text())


@pytest.mark.parametrize(
    ("name", "more"), [("as it is", 0), ("a pipeline in one pod", 1), ("a pipeline on real stores", 5)]
)
def test_every_pod_is_locked_down(name: str, more: int) -> None:
    pods = list(pods_of(VALUES[name]))
    assert len(pods) == WORKLOADS + more
    for pod in pods:
        assert not pod["automountServiceAccountToken"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]


def pods_of(options: list[str]) -> Iterator[dict[str, Any]]:
    for each in objects(*options):
        if each["kind"] in ("Deployment", "StatefulSet"):
            yield each["spec"]["template"]["spec"]


def test_workers_have_one_core_each_and_all_of_a_pipeline_the_same_places() -> None:
    for name in ("a pipeline in one pod", "a pipeline on real stores"):
        containers = [each for pod in pods_of(VALUES[name]) for each in pod["containers"]]
        ours = [each for each in containers if each["image"].startswith("steadfast-media")]
        assert {"shelf", "studio"} < {each["command"][-1] for each in ours}
        for each in ours:
            assert ("cpu" in each["resources"]["limits"]) == (each["command"][-1] == "work")
            assert each["env"] == ours[0]["env"]


def test_only_the_pipeline_may_ask_the_store_and_the_queue_and_only_at_their_ports() -> None:
    asked = {
        each["metadata"]["labels"]["app.kubernetes.io/name"]: [port["port"] for port in rule["ports"]]
        for each in objects(*VALUES["a pipeline on real stores"])
        if each["kind"] == "NetworkPolicy"
        for rule in each["spec"].get("egress", ())
        if "to" not in rule
    }
    assert asked == {name: [7070, 4222] for name in ("shelf", "worker", "studio")}
