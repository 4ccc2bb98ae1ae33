"""What a hundred viewers of the standard mix have to wait for on the whole platform when nothing breaks.

`pytest tests/benchmarks/test_healthy_evening.py --run-benchmarks -s`

At the speed of life (`timeScale: 1`), by the command as anybody runs it; the figures are those of its verdict.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.test_platform_size import home, platform

__all__ = ["home"]  # the fixture

BASE_PORT = 23000
EVENING = """
apiVersion: chaos/v1
kind: Experiment
name: a-healthy-evening
hypothesis: When nothing breaks, a hundred viewers see their titles at once and without a pause.
steadyState:
  - name: titles start within a second
    probe: {load_quantile: {request: start, quantile: 95%}}
    target: "< 1s"
    minSamples: 100
  - name: no picture stands still
    probe: {load_value: {measure: rebuffer_permille, quantile: 99%}}
    target: "< 1"
    minSamples: 100
load: {locustfile: viewers, users: 100, timeScale: 1, warmUp: 20s, baseline: 6s, drain: 5s}
method:
  - wait: 90s
limits: {maxDuration: 4m}
"""


def test_a_hundred_viewers_wait_for_nothing(home: Path, tmp_path: Path) -> None:
    platform("up", "--base-port", str(BASE_PORT))
    experiment = tmp_path / "evening.yaml"
    experiment.write_text(EVENING)
    command = [sys.executable, "-c", "from chaos.cli import main; main()", "run", str(experiment)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    print(f"\n{done.stdout}")
    assert done.returncode == 0, done.stderr  # 0 is held, and nothing else
