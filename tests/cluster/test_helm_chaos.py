"""The toolkit's chart on a real cluster: Jobs that ask and end with the right code, rights that are enough and no more,
a keeper that outlives the pods of runs."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos.model.capabilities import CanKill
from chaos.shipped import chart_dir
from chaos.shipped.chart import generated
from tests.cluster.charts import IMAGE, KUBE_VERSION, kubeconfig, run
from tests.cluster.stage import EXPERIMENT, SOON_SECONDS, Stage, wait_until
from tests.cluster.volumes import volumes

pytestmark = pytest.mark.slow
CHART = chart_dir("chaos")
SHOP = ["--set", "environment.namespaces={default}"]
ASKING = [
    "--set",
    "job.enabled=true,job.experiments={region-loss},nightly.enabled=true,nightly.experiments={region-loss}",
]
FAULTS = list(yaml.safe_load(generated())["faults"])
VALUES = {
    "as it is": [],
    "every fault": ["--set-json", f"rights.faults={json.dumps(FAULTS)}", *ASKING],
    "regions by node": ["--set", "rights.faults={region_outage},environment.settings.regionFailure=eviction"],
    "a claim": ["--set", "reports.claim.enabled=true,reports.claim.storageClass=fast,reports.reader=true", *ASKING],
    "no rights made": ["--set", "rights.create=false,keeper.enabled=false", *ASKING],
    "workers": ["--set", "job.workers=4,job.arguments={--seed=7},experiments.configMap=mine", *ASKING],
}  # fmt: skip
MISTAKES = {
    "rights.faults={kil}": 'there is no fault "kil" for pods (there are: bandwidth',
    "rights.faults={cpu_stress}": 'there is no fault "cpu_stress" for pods',
    "job.enabled=true": "which experiments are to run?",
    "job.enabled=true,job.experiments={mine.yaml}": 'there is no "mine.yaml" under experiments.files',
    "environment.namespaces=null": "at '/environment'",
    "environment.settings.kubeconfig=mine": "at '/environment/settings'",
    "keeper.replicas=0": "at '/keeper/replicas': minimum: got 0, want 1",
    "reports.reader=true": "reports.reader reads a claim",
    "kepper.enabled=false": "additional properties 'kepper' not allowed",
}
ONE = "{instance: {service: web}}"
CONSTANTLY = EXPERIMENT.replace(">= 30%", ">= 90%")
QUESTIONS = {
    "holds.yaml": EXPERIMENT.format(name="holds", fault="kill", target=ONE, duration="2s", margin="20s"),
    "deviates.yaml": CONSTANTLY.format(name="deviates", fault="kill", target=ONE, duration="12s", margin="20s"),
    "outside.yaml": EXPERIMENT.format(
        name="outside", fault="kubernetes/network_isolation", target=ONE, duration="2s", margin="20s"
    ),
    "long.yaml": EXPERIMENT.format(name="long", fault="kill", target=ONE, duration="10s", margin="1s"),
}


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    kubeconfig()


def template(*options: str) -> list[str]:
    return ["helm", "template", "trial", str(CHART), "--kube-version", KUBE_VERSION, *SHOP, *options]


def test_helm_has_nothing_to_say_against_it() -> None:
    done = run(["helm", "lint", "--strict", str(CHART), *SHOP])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", VALUES)
def test_a_real_api_server_takes_every_object(name: str) -> None:
    rendered = run(template(*VALUES[name]))
    assert rendered.returncode == 0, rendered.stderr
    done = run(
        ["kubectl", "apply", "--dry-run=server", "--namespace", "default", "--filename", "-"],
        rendered.stdout,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a warning of the server"
    objects = [each for each in yaml.safe_load_all(rendered.stdout) if each]
    assert done.stdout.count("created (server dry run)") == len(objects)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_values_is_refused_with_a_sentence(mistake: str) -> None:
    done = run(template("--set", mistake))
    assert done.returncode != 0
    assert MISTAKES[mistake] in done.stderr


@dataclass
class Installed:
    """The chart in a namespace of its own, for the small system in another."""

    stage: Stage
    namespace: str
    release: str
    values: Path

    def helm(self, *options: str) -> None:
        values = ["--values", str(self.values), *options]
        done = run(["helm", "upgrade", "--install", self.release, str(CHART), "-n", self.namespace, *values])
        assert done.returncode == 0, done.stderr

    def asks(self, file: str) -> str:
        """Install with this question; the pod's name."""
        self.helm("--set", f"job.enabled=true,job.experiments={{{file}}}")
        found: list[str] = []

        def there() -> bool:
            found[:] = [each["metadata"]["name"] for each in self.pods("run") if f"/{file}" in str(each["spec"])]
            return bool(found)

        wait_until(there, 120, f"the Job of {file} has a pod")
        return found[0]

    def answer(self, pod: str) -> tuple[int, str]:
        """Exit code and log, when the pod has ended."""
        codes: list[int] = []

        def ended() -> bool:
            [status] = [each["status"] for each in self.pods("run") if each["metadata"]["name"] == pod]
            states = [each["state"] for each in status.get("containerStatuses", ())]
            codes[:] = [state["terminated"]["exitCode"] for state in states if "terminated" in state]
            return bool(codes)

        wait_until(ended, 240, f"{pod} has ended")
        return codes[0], self.kubectl("logs", pod)

    def pods(self, component: str) -> list[dict[str, Any]]:
        selector = f"app.kubernetes.io/instance={self.release},app.kubernetes.io/component={component}"
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", "pods", "-l", selector, "-o", "json"))["items"]
        return found

    def asks_now(self, job: str) -> str:
        """Have the CronJob ask at once; the pod's name."""
        self.kubectl("create", "job", f"--from=cronjob/{self.release}-nightly", job)
        found: list[str] = []

        def there() -> bool:
            found[:] = [
                each["metadata"]["name"]
                for each in self.pods("run")
                if each["metadata"]["labels"]["batch.kubernetes.io/job-name"] == job
            ]
            return bool(found)

        wait_until(there, 120, f"{job} has a pod")
        return found[0]

    def condition(self, job: str) -> str:
        """How a Job ended, as its controller says: Complete or Failed."""
        said: list[str] = []

        def ended() -> bool:
            status = json.loads(self.kubectl("get", "job", job, "-o", "json"))["status"]
            conditions = status.get("conditions", ())
            said[:] = [each["type"] for each in conditions if each["type"] in ("Complete", "Failed")]
            return bool(said)

        wait_until(ended, 240, f"{job} has ended")
        return said[0]

    def kubectl(self, *arguments: str) -> str:
        done = run(["kubectl", "-n", self.namespace, *arguments])
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(stage: Stage) -> Iterator[Installed]:
    """Allowed to kill, and nothing else."""
    repository, _, tag = IMAGE.rpartition(":")
    values = stage.file(
        "values.yaml",
        yaml.safe_dump(
            {
                "image": {"repository": repository, "tag": tag},
                "environment": {"namespaces": [stage.namespace], "selector": "app=web"},
                "rights": {"faults": ["kill"]},
                "experiments": {"files": QUESTIONS},
            }
        ),
    )
    installed = Installed(stage, f"{stage.namespace}-tools", f"trial-{uuid.uuid4().hex[:6]}", values)
    mine = f"app.kubernetes.io/instance={installed.release}"
    assert run(["kubectl", "create", "namespace", installed.namespace]).returncode == 0
    try:
        installed.helm()
        wait_until(lambda: stage.environment().is_kept(CanKill), 240, "the keeper has announced itself")
        yield installed
    finally:
        run(["helm", "uninstall", installed.release, "-n", installed.namespace, "--wait"])
        left = run(["kubectl", "get", "clusterroles,roles,leases", "-A", "-l", mine, "-o", "name"])
        run(["kubectl", "delete", "namespace", installed.namespace, "--wait=false"])
        assert left.stdout == ""


@pytest.fixture
def volume(installed: Installed) -> Iterator[str]:
    """A class of storage with one volume in it."""
    [node, *_] = installed.stage.environment().inventory().nodes
    with volumes(installed.namespace, node.name, 1) as storage_class:
        yield storage_class
        installed.kubectl("delete", "pvc", "-l", f"app.kubernetes.io/instance={installed.release}")


def test_a_job_ends_with_the_code_of_its_run_and_its_log_with_the_report(installed: Installed, whole: Stage) -> None:
    code, log = installed.answer(installed.asks("holds.yaml"))
    assert code == 0, log
    assert "report: /data/" in log
    code, log = installed.answer(installed.asks("deviates.yaml"))
    assert code == 1, log


def test_what_a_cronjob_asks_ends_with_the_worst_answer_and_is_not_asked_again(
    installed: Installed, whole: Stage
) -> None:
    for job, files, code, condition in (
        ("green", "holds.yaml", 0, "Complete"),
        ("red", "holds.yaml,deviates.yaml", 1, "Failed"),
    ):
        installed.helm("--set", f"nightly.enabled=true,nightly.suspend=true,nightly.experiments={{{files}}}")
        found, log = installed.answer(installed.asks_now(job))
        assert found == code, log
        assert installed.condition(job) == condition
        pods = [each["metadata"]["labels"]["batch.kubernetes.io/job-name"] for each in installed.pods("run")]
        assert pods.count(job) == 1, "an answer is not asked for again until it is green"


def test_a_claim_keeps_the_reports_of_pods_that_are_gone(installed: Installed, whole: Stage, volume: str) -> None:
    """Also for the reader: two pods of one node at a time."""
    claim = f"reports.claim.enabled=true,reports.claim.storageClass={volume},reports.reader=true"
    question = "job.enabled=true,job.experiments={holds.yaml},job.arguments={--seed=7}"
    installed.helm("--set", claim, "--set", question)
    wait_until(lambda: len(installed.pods("run")) > 0, 120, "the Job has a pod")
    pod = next(
        each["metadata"]["name"] for each in installed.pods("run") if "--seed=7" in str(each["spec"]["containers"])
    )
    code, log = installed.answer(pod)
    assert code == 0, log
    installed.kubectl("delete", "pod", pod)
    installed.kubectl("wait", "--for=condition=Ready", f"pod/{installed.release}-reports", "--timeout=240s")
    reader = ["exec", f"{installed.release}-reports", "--"]
    assert "report.html" in installed.kubectl(*reader, "find", f"/data/{pod}/reports", "-name", "report.html")
    installed.helm()
    wait_until(lambda: installed.pods("reader") == [], 240, "the reader is gone")


def test_the_rights_are_for_the_named_faults_and_no_others(installed: Installed, whole: Stage) -> None:
    code, log = installed.answer(installed.asks("outside.yaml"))
    assert code == 4, log
    assert f'does not let us get "pods/proxy" in namespace {whole.namespace}' in log
    account = f"system:serviceaccount:{installed.namespace}:{installed.release}"
    for verb, resource, who in [
        ("create", "networkpolicies", "run"),
        ("get", "secrets", "run"),
        ("patch", "nodes", "run"),
        ("patch", "leases", "run"),
        ("delete", "pods", "keeper"),
        ("patch", "nodes", "keeper"),
        ("create", "leases", "keeper"),
        ("delete", "networkpolicies", "keeper"),
    ]:
        asked = ["kubectl", "auth", "can-i", verb, resource, "-n", whole.namespace, "--as", f"{account}-{who}"]
        assert run(asked).stdout.strip() == "no", (verb, resource, who)
    elsewhere = run(["kubectl", "auth", "can-i", "get", "pods", "-n", "default", "--as", f"{account}-run"])
    assert elsewhere.stdout.strip() == "no", "only the namespaces that were named"


def test_the_keeper_puts_right_what_a_run_left_whose_pod_was_killed(installed: Installed, whole: Stage) -> None:
    pod = installed.asks("long.yaml")
    wait_until(lambda: whole.residues() != (), 120, "the fault is in effect")
    [residue] = whole.residues()
    assert time.time() < residue.until, "the pod is killed while the fault is held"
    installed.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    wait_until(lambda: whole.residues() == (), 120, "the keeper has reverted it")
    assert time.time() - residue.until < SOON_SECONDS
    whole.wait_until_ready()


def test_the_keepers_rights_are_enough_for_all_that_the_named_faults_may_leave(
    installed: Installed, whole: Stage
) -> None:
    installed.helm("--set-json", f"rights.faults={json.dumps(FAULTS)}")
    environment = whole.environment()
    instance = environment.inventory().instances[0]
    assert instance.identity is not None
    identity, node, mine = instance.identity, instance.labels["node"], whole.namespace

    def hold(until: float) -> None:
        environment.isolate([identity], f"{mine}/1", False, until)
        environment.taint(node, f"{mine}/2", "chaos=true:PreferNoSchedule", until)
        environment.scale("deployment/web", f"{mine}/3", 2, until)

    hold(time.time() + 600)
    assert [each.what for each in whole.residues()] == ["scale", "isolate", "taint"]
    hold(time.time() + 1)
    wait_until(lambda: whole.residues() == (), 120, "the keeper has reverted it")


def test_every_pod_is_locked_down(installed: Installed) -> None:
    wait_until(lambda: len(installed.pods("keeper")) == 2, 120, "those of an earlier form are gone")
    for pod in installed.pods("keeper"):
        [container] = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert sum(each["restartCount"] for each in pod["status"].get("containerStatuses", ())) == 0
