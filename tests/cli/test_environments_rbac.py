"""`chaos environments rbac` grants what an experiment needs, and nothing else; it asks no cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

WITHOUT_LOAD = """
apiVersion: chaos/v1
kind: Experiment
name: a-death
hypothesis: it goes on
steadyState:
  - {name: served, probe: {process_alive: {service: catalog}}, target: ">= 50%"}
method:
  - {fault: kill, target: {instance: {service: catalog}}, duration: 5s}
"""


def granted(experiment: str, home: Path) -> set[tuple[str, str]]:
    """(resource, verb) of the role in the namespace."""
    printed = subprocess.run(
        [sys.executable, "-c", "from chaos.cli import main; main()", "environments", "rbac", experiment],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "STEADFAST_HOME": str(home), "KUBECONFIG": str(home / "none")},
    )
    assert printed.returncode == 0, printed.stderr
    roles = [each for each in yaml.safe_load_all(printed.stdout) if each["kind"] == "Role"]
    return {
        (resource, verb)
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_viewers_may_be_told_where_the_platform_is_only_if_there_are_viewers(tmp_path: Path) -> None:
    path = tmp_path / "a-death.yaml"
    path.write_text(WITHOUT_LOAD)
    assert ("services", "list") in granted("region-loss", tmp_path)
    without = granted(str(path), tmp_path)
    assert ("services", "list") not in without
    assert {("pods", "patch"), ("pods", "delete"), ("deployments", "patch")} <= without
    assert ("networkpolicies", "create") not in without
