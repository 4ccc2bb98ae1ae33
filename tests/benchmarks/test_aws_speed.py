"""A thousand machines of an emulated account are chosen, stopped with their former states on record, and started again.

make bench PYTEST_ARGS="-s -k aws"; BENCH_MACHINES says how many. The emulated account answers slowly, and on the same
processors. So what is ours is told apart: own time is the clock's without the times in which a request had no answer
yet, own CPU what the process of `chaos run` has used, waiting or not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from chaos.journal.read import read as read_journal
from chaos.journal.runs import all_runs
from chaos.model.events import Injected, Injecting, Reverted
from tests.benchmarks.metered import Metered, read
from tests.cloud.emulated import ARMED, IMAGE, SYSTEM, Emulated, emulated
from tests.cloud.test_runs import Desk

MACHINES = int(os.environ.get("BENCH_MACHINES", "1000"))
PORT = 26360
AT_ONCE = 100
"""More would take the emulated account longer than a request may take."""


def test_a_thousand_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    with emulated(tmp_path, PORT) as aws:
        _fill(aws, MACHINES + MACHINES // 10)
        desk = Desk(aws, tmp_path)
        file = _experiment(desk)
        meter = tmp_path / "meter.json"
        command = [sys.executable, "-m", "tests.benchmarks.metered", str(meter)]
        home = {**os.environ, "STEADFAST_HOME": str(desk.home)}
        done = subprocess.run([*command, "run", file, "-e", desk.environment()], env=home, check=False)
        metered = read(meter)
        events = read_journal(all_runs(desk.home)[-1].journal)
    injecting = [each.at for each in events if isinstance(each, Injecting)]
    injected = [each.at for each in events if isinstance(each, Injected)]
    reverted = sum(isinstance(each, Reverted) for each in events)
    stopped = max(each.ended for each in metered.asked if each.action == "StopInstances")
    print(f"\n{len(injecting)} machines stopped, {len(injected)} seen to be, {reverted} started again")
    _say("from the start of the command to the last stop", metered, metered.started, stopped)
    _say("from the first record to the last stop", metered, min(injecting), stopped)
    _say("to the last machine seen to be stopped", metered, metered.started, max(injected))
    print(f"the whole run, up to all being started again: own CPU {metered.cpu_seconds:.1f} s")
    assert done.returncode == 0


def _fill(aws: Emulated, machines: int) -> None:
    tags = [{"ResourceType": "instance", "Tags": [ARMED, SYSTEM, {"Key": "service", "Value": "web"}]}]
    for at in range(0, machines, AT_ONCE):
        some = min(AT_ONCE, machines - at)
        given = {"ImageId": IMAGE, "MinCount": some, "MaxCount": some, "TagSpecifications": tags}
        aws.call("ec2", "eu-west-1", "run_instances", **given)


def _experiment(desk: Desk) -> str:
    target = f"{{instance: {{service: web}}, amount: {MACHINES}}}"
    file = desk.experiment("kill", target, duration="20s", margin="300s")
    Path(file).write_text(Path(file).read_text().replace('">= 30%"', '">= 1%"'))
    return file


def _say(what: str, metered: Metered, since: float, until: float) -> None:
    waited = metered.waited_seconds(since, until)
    cpu = metered.cpu_until(until) - metered.cpu_until(since)
    asked = Counter(each.action for each in metered.asked if since <= each.began and each.ended <= until)
    kinds = ", ".join(f"{count} {action}" for action, count in asked.most_common())
    print(f"{what}: {until - since:.1f} s by the clock, {waited:.1f} s of that for answers;")
    print(f"  own time {until - since - waited:.1f} s, own CPU {cpu:.1f} s; {asked.total()} requests ({kinds})")
