"""Several contexts as one environment, each a region: here one cluster seen through accounts that may act in one
namespace each, which is what two clusters are to somebody with credentials for both."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml

from chaos.environments.kubernetes.objects import Named, Workload
from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Injected, Injecting
from tests.cluster.accounts import path_of
from tests.cluster.stage import DEPLOYMENTS, Stage, deployment, wait_until

pytestmark = pytest.mark.slow
REGIONS = ("east", "west")
REPLICAS = 2
OUTAGE = ("region_outage", "{region: {name: east}}")


@dataclass
class Contexts(Stage):
    """A kubeconfig with a context for each region, whose user may act in that region's namespace only."""

    def start(self) -> None:
        labels = {"steadfast.dev/armed": "true"}
        for region in REGIONS:
            space = self.space(region)
            self.cluster.create("/api/v1/namespaces", {"metadata": {"name": space, "labels": labels}})
            self.cluster.create(DEPLOYMENTS.format(space), deployment("web", REPLICAS))
            self.cluster.create(f"/api/v1/namespaces/{space}/serviceaccounts", {"metadata": {"name": space}})
        self.contexts_file("contexts.yaml")
        for region in REGIONS:
            for each in self._rights(region):
                self.cluster.create(path_of(each), each)
        self.wait_until_ready()

    def wait_until_ready(self, seconds: float = 240.0) -> None:
        for region in REGIONS:
            wait_until(partial(self._is_ready, self.space(region)), seconds, f"{region} is ready")

    def stop(self) -> None:
        for region in REGIONS:
            for each in self._rights(region):
                if "namespace" not in each["metadata"]:
                    self.cluster.delete(f"{path_of(each)}/{each['metadata']['name']}")
            self.cluster.delete(f"/api/v1/namespaces/{self.space(region)}")

    def space(self, region: str) -> str:
        return f"{self.namespace}-{region}"

    def contexts_file(self, name: str, *, west_server: str = "", west_user: str = "west") -> Path:
        """The stage's kubeconfig with both contexts."""
        loaded = yaml.safe_load(self.kubeconfig.read_text())
        [cluster] = loaded["clusters"]
        west = {**cluster["cluster"], **({"server": west_server} if west_server else {})}
        loaded["clusters"] = [{"name": "east", "cluster": cluster["cluster"]}, {"name": "west", "cluster": west}]
        loaded["users"] = [{"name": region, "user": {"token": self._token(region)}} for region in REGIONS]
        users = {"east": "east", "west": west_user}
        loaded["contexts"] = [{"name": each, "context": {"cluster": each, "user": users[each]}} for each in REGIONS]
        loaded["current-context"] = "east"
        return self.file(name, yaml.safe_dump(loaded))

    def both(self, kubeconfig: str = "contexts.yaml") -> Path:
        """The environment file."""
        return self._environment("both.env.yaml", REGIONS, kubeconfig)

    def policies(self, region: str) -> list[str]:
        path = f"/apis/networking.k8s.io/v1/namespaces/{self.space(region)}/networkpolicies"
        return [each.metadata.name for each in self.cluster.every(path, Named)]

    def replicas(self) -> list[int]:
        paths = (DEPLOYMENTS.format(self.space(region)) + "/web" for region in REGIONS)
        return [self.cluster.get(path, Workload).spec.replicas for path in paths]

    def evidence(self) -> dict[str, str]:
        """What was injected in the last run, by target."""
        events = read(all_runs(self.home)[-1].journal)
        targets = {event.injection: event.undo.target for event in events if isinstance(event, Injecting)}
        return {targets[event.injection]: event.evidence for event in events if isinstance(event, Injected)}

    def _environment(self, name: str, regions: tuple[str, ...], kubeconfig: str) -> Path:
        parts = [f"{{name: {each}, region: {each}, namespaces: [{self.space(each)}]}}" for each in regions]
        contexts = f"[{', '.join(parts)}]"
        return self.environment_file(name, kubeconfig=str(self.folder / kubeconfig), contexts=contexts)

    def _rights(self, region: str) -> list[dict[str, dict[str, str]]]:
        """As the toolkit prints them for what is run here, for this region's account alone."""
        file = self.experiment("rights", *OUTAGE)
        environment = self._environment(f"{region}.env.yaml", (region,), "contexts.yaml")
        printed = []
        for path in (file, self.experiment("rights-kill", "kill", "{instance: {service: web}}")):
            account = f"{self.space(region)}/{self.space(region)}"
            done = self.chaos("environments", "rbac", str(path), "-e", str(environment), "--account", account)
            assert done.returncode == 0, done.stderr
            printed += list(yaml.safe_load_all(done.stdout))
        for number, each in enumerate(printed):
            suffix = "" if number < len(printed) / 2 else "-kill"
            each["metadata"]["name"] += suffix
            if "roleRef" in each:
                each["roleRef"]["name"] += suffix
        return printed

    def _token(self, region: str) -> str:
        path = f"/api/v1/namespaces/{self.space(region)}/serviceaccounts/{self.space(region)}/token"
        return str(json.loads(self.cluster.create(path, {"spec": {}}))["status"]["token"])

    def _is_ready(self, space: str) -> bool:
        """No pod is missing, and none that was deleted is there yet."""
        status = self.cluster.get(DEPLOYMENTS.format(space) + "/web", Workload).status
        pods = self.cluster.every(f"/api/v1/namespaces/{space}/pods", Named)
        return status.ready_replicas == len(pods) == REPLICAS


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contexts]:
    """Skipped without KUBECONFIG: no test looks for a cluster by itself."""
    kubeconfig = os.environ.get("KUBECONFIG")
    if not kubeconfig:
        pytest.skip("no cluster: KUBECONFIG is not set")
    stage = Contexts(Path(kubeconfig), f"chaos-test-{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("contexts"))
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


def test_each_context_is_a_region_and_one_of_each_dies(contexts: Contexts) -> None:
    file = contexts.experiment("one-of-each", "kill", "{instance: {service: web}, each: region}")
    done = contexts.chaos("run", str(file), "-e", str(contexts.both()))
    assert done.returncode == 0, done.stdout + done.stderr
    hit = sorted(contexts.evidence())
    assert [name.rpartition("/")[0] for name in hit] == [f"{each}/{contexts.space(each)}" for each in REGIONS]
    assert contexts.replicas() == [REPLICAS, REPLICAS]


def test_a_region_that_is_lost_is_lost_in_its_context_only(contexts: Contexts) -> None:
    contexts.wait_until_ready()
    file = contexts.experiment("east-is-lost", *OUTAGE, duration="4s")
    with (contexts.folder / "run.log").open("wb") as log:
        command = contexts.command("run", str(file), "-e", str(contexts.both()))
        run = subprocess.Popen(command, env=contexts.variables, stdout=log, stderr=log)
    try:
        wait_until(lambda: contexts.policies("east") != [], 120, "the region is cut off")
        assert contexts.policies("west") == []
    finally:
        code = run.wait(timeout=240)
    assert code == 0, (contexts.folder / "run.log").read_text()
    assert f"0 of {REPLICAS} instances of east are up" in contexts.evidence()["east"]
    assert contexts.policies("east") == []


@pytest.mark.parametrize(
    ("west_server", "west_user", "sentence"),
    [
        ("https://127.0.0.1:1", "west", "cluster 'west' does not answer at https://127.0.0.1:1"),
        ("", "east", "cluster 'west' forbids it"),
    ],
)
def test_one_context_that_cannot_be_used_refuses_the_run_before_the_other_is_touched(
    contexts: Contexts, west_server: str, west_user: str, sentence: str
) -> None:
    contexts.contexts_file("broken.yaml", west_server=west_server, west_user=west_user)
    for fault in (OUTAGE, ("kill", "{instance: {service: web}}")):
        file = contexts.experiment("refused", *fault)
        done = contexts.chaos("run", str(file), "-e", str(contexts.both("broken.yaml")))
        assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stdout + done.stderr
        assert sentence in done.stdout + done.stderr
    assert contexts.policies("east") == []
    assert contexts.replicas() == [REPLICAS, REPLICAS]
