"""A thousand machines of an emulated account are chosen, stopped with their former states on record, and started again.

make bench PYTEST_ARGS="-s -k aws"
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path

import pytest

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Injected, Injecting, Reverted
from tests.cloud.emulated import ARMED, IMAGE, SYSTEM, emulated
from tests.cloud.test_runs import Desk

MACHINES = int(os.environ.get("BENCH_MACHINES", "1000"))
PORT = 26360
AT_ONCE = 100
"""More would take the emulated account longer than a request may take."""


def test_a_thousand_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "emulated")
    with emulated(tmp_path, PORT) as aws:
        tags = [{"ResourceType": "instance", "Tags": [ARMED, SYSTEM, {"Key": "service", "Value": "web"}]}]
        there = MACHINES + MACHINES // 10
        for at in range(0, there, AT_ONCE):
            some = min(AT_ONCE, there - at)
            given = {"ImageId": IMAGE, "MinCount": some, "MaxCount": some, "TagSpecifications": tags}
            aws.call("ec2", "eu-west-1", "run_instances", **given)
        desk = Desk(aws, tmp_path)
        file = desk.experiment(
            "kill", f"{{instance: {{service: web}}, amount: {MACHINES}}}", duration="30s", margin="300s"
        )
        Path(file).write_text(Path(file).read_text().replace('">= 30%"', '">= 1%"'))
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = desk.command("run", file, "-e", desk.environment())
        done = subprocess.run(command, env={**os.environ, "STEADFAST_HOME": str(desk.home)}, check=False)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        events = read(all_runs(desk.home)[-1].journal)
        injecting = [each.at for each in events if isinstance(each, Injecting)]
        injected = [each.at for each in events if isinstance(each, Injected)]
        reverted = sum(isinstance(each, Reverted) for each in events)
        within = max(injected) - min(injecting)
        requests = (tmp_path / "moto.log").read_text().count("POST / ")
        print(f"\n{len(injecting)} machines stopped and seen to be within {within:.1f} s, {reverted} started")
        print(f"again; the whole run took {time.monotonic() - began:.1f} s, {cpu:.1f} s of CPU of ours")
        print(f"and {requests} requests to AWS")
        assert done.returncode == 0
