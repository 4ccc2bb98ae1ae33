"""A load generator that cannot keep up makes the run inconclusive, whatever the numbers say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from chaos.conductor import own_process
from tests.local.load_trial import server

ROOT = Path(__file__).resolve().parents[2]
HOGGING = """
import time
from locust import FastHttpUser, task

class Hog(FastHttpUser):
    @task
    def page(self):
        self.client.get("/page")
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            pass
"""
EXPERIMENT = """
apiVersion: chaos/v1
kind: Experiment
name: saturated
hypothesis: Pages are served.
steadyState:
  - {{name: pages are served, probe: {{load_ratio: {{request: /page}}}}, target: ">= 50%"}}
load:
  locustfile: {file}
  host: {host}
  arrivals: 15/s
  warmUp: 1s
  baseline: 1s
  drain: 1s
  maxLag: 100ms
method: [{{wait: 1s}}]
recovery: 0s
"""


def test_a_saturated_generator_makes_the_run_inconclusive_and_the_verdict_says_so(tmp_path: Path) -> None:
    """15 sessions a second that compute for 0.2 s each are three times what one process can do."""
    (tmp_path / "hogging.py").write_text(HOGGING)
    (tmp_path / "environment.yaml").write_text(
        f"{{apiVersion: chaos/v1, kind: Environment, name: here, type: local, armed: true, "
        f"settings: {{state: {tmp_path / 'state.json'}}}}}"
    )
    # This process stands for the system: nothing is injected, it only has to be there.
    (tmp_path / "state.json").write_text(json.dumps({"name": "here", "launcher": own_process()}))
    with server() as target:
        (tmp_path / "experiment.yaml").write_text(EXPERIMENT.format(file="./hogging.py", host=target.host))
        ran = subprocess.run(
            [
                sys.executable,
                "-c",
                "from chaos.cli import main; main()",
                "run",
                "experiment.yaml",
                "-e",
                "environment.yaml",
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "STEADFAST_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert "Inconclusive: the load generator could not keep up: it was more than 100 ms late" in ran.stdout
