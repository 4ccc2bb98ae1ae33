"""Whole runs of `chaos` on an emulated account, also when they are killed, and what is said of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.journal.read import read, read_open_injections
from chaos.journal.runs import all_runs
from chaos.model.events import Event, Injected
from tests.cloud.emulated import ACCOUNT, Emulated
from tests.cloud.running import kill_guardian
from tests.local.launcher_trial import until

ENVIRONMENT = """
apiVersion: chaos/v1
kind: Environment
name: emulated
type: aws
armed: {armed}
settings:
  account: "{account}"
  regions: [eu-west-1, us-east-1]
  selector: {{system: {system}}}
  endpoint: {endpoint}
  settlesWithin: {settles}
  consistentWithin: {consistent}
  patience: 60s
  hostedZones: [{zone}]
  {more}
"""
EXPERIMENT = """
apiVersion: chaos/v1
kind: Experiment
name: dark
hypothesis: Something of it keeps running.
steadyState:
  - name: some machines run
    probe: {{process_alive: {{every: 500ms}}}}
    target: ">= 30%"
    minSamples: 1
method:
  - fault: {fault}
    target: {target}
    duration: {duration}
recovery: 0s
limits: {{leaseMargin: {margin}, maxTargets: 100%}}
"""


class Desk:
    """A folder with files, and `chaos` as a command there."""

    def __init__(self, aws: Emulated, folder: Path) -> None:
        self.aws, self.folder = aws, folder

    def environment(self, **other: str) -> str:
        given = {"armed": "true", "account": ACCOUNT, "system": "shop", "endpoint": self.aws.endpoint}
        usual = {"zone": self.aws.zone_id, "settles": "20s", "consistent": "0s", "more": ""}
        text = ENVIRONMENT.format(**{**given, **usual, **other})
        return self._file("account.yaml", text)

    # parameters: what an experiment of one step consists of
    def experiment(self, fault: str, target: str, duration: str = "1s", margin: str = "10s") -> str:
        text = EXPERIMENT.format(fault=fault, target=target, duration=duration, margin=margin)
        return self._file("dark.yaml", text)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]

    def chaos(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Exit code and all that was printed."""
        environ = {**os.environ, "STEADFAST_HOME": str(self.home), **variables}
        given = {"env": environ, "capture_output": True, "text": True, "timeout": 120, "check": False}
        done = subprocess.run(self.command(*arguments), **given)  # type: ignore[call-overload]  # given is one dict
        return done.returncode, done.stdout + done.stderr

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def _file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


def test_kill_9_of_run_and_guardian_leaves_nothing_after_the_lease(desk: Desk) -> None:
    file = desk.experiment("region_outage", "{region: {name: eu-west-1}}", "2s", "3s")
    command = desk.command("run", file, "-e", desk.environment())
    log = (desk.folder / "run.log").open("wb")
    run = subprocess.Popen(command, env={**os.environ, "STEADFAST_HOME": str(desk.home)}, stdout=log, stderr=log)
    log.close()
    try:
        until(lambda: any(isinstance(event, Injected) for event in _events(desk.home)), within=60)
        kill_guardian(run)
    finally:
        run.kill()
        run.wait()
    until(_every_second(lambda: desk.aws.environment().residues() == ()), within=120)
    journal = all_runs(desk.home)[-1].journal
    until(lambda: read_open_injections(journal) == (), within=60)


@pytest.mark.parametrize(
    ("other", "code", "words"),
    [
        ({"account": "999999999999"}, 4, f"these credentials are of account {ACCOUNT}, not of 999999999999"),
        ({"account": "12"}, 2, "twelve digits"),
        ({"system": "nothing"}, 4, "nothing bears system=nothing in eu-west-1, us-east-1"),
        ({"armed": "false"}, 4, "does not say `armed: true`"),
        ({"endpoint": "http://127.0.0.1:9"}, 4, "AWS did not answer sts:GetCallerIdentity"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(desk: Desk, other: dict[str, str], code: int, words: str) -> None:
    file = desk.experiment("kill", "{instance: {service: web}, amount: one}")
    assert_said(desk.chaos("run", file, "-e", desk.environment(**other)), code, words)
    assert desk.aws.environment().residues() == ()


def test_without_credentials_it_says_so(desk: Desk) -> None:
    file = desk.experiment("kill", "{instance: {service: web}, amount: one}")
    said = desk.chaos("run", file, "-e", desk.environment(), AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert_said(said, 4, "there are no AWS credentials here")


def test_the_policy_of_an_experiment_names_its_actions_and_no_more(desk: Desk) -> None:
    file = desk.experiment("aws/traffic_shift", "{region: {name: eu-west-1}}")
    code, said = desk.chaos("environments", "iam", file, "-e", desk.environment())
    assert code == 0, said
    actions = {action for each in json.loads(said)["Statement"] for action in each["Action"]}
    assert "route53:ChangeResourceRecordSets" in actions
    assert "ec2:StopInstances" not in actions
    assert_said(desk.chaos("environments", "iam", file, "-e", "local"), 2, "is of type local")


def assert_said(done: tuple[int, str], code: int, words: str) -> None:
    assert done[0] == code, done[1]
    assert words in done[1]
    assert "Traceback" not in done[1]


def _events(home: Path) -> tuple[Event, ...]:
    return tuple(event for run in all_runs(home) for event in read(run.journal))


def _every_second(condition: Callable[[], bool]) -> Callable[[], bool]:
    def slowly() -> bool:
        time.sleep(1)
        return condition()

    return slowly
