"""Helm and kubectl as the tests of the chart use them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from chaos.shipped import chart_dir
from tests.cluster.stage import the_kubeconfig

CHART = chart_dir("streaming-platform")
IMAGE = os.environ.get("STEADFAST_TEST_IMAGE", "steadfast:dev")
MEDIA_IMAGE = os.environ.get("STEADFAST_TEST_MEDIA_IMAGE", "steadfast-media:dev")
KUBE_VERSION = "1.34.0"
"""For `helm template`, which asks no cluster."""

_VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
WORKLOADS = len(_VALUES["regions"]) * len(_VALUES["services"])
PODS = len(_VALUES["regions"]) * sum(each["replicas"] for each in _VALUES["services"].values())
"""What the chart makes when nothing is set."""


def kubeconfig() -> Path:
    """Skips the test where there is no cluster, or no helm to install anything there."""
    found = the_kubeconfig()
    if shutil.which("helm") is None or shutil.which("kubectl") is None:
        pytest.skip("helm and kubectl are not installed")
    return found


def address_here() -> str:
    """Where pods find this machine: the address from which it talks to a node."""
    nodes = json.loads(run(["kubectl", "get", "nodes", "--output", "json"]).stdout)["items"]
    [node, *_] = [each["address"] for each in nodes[0]["status"]["addresses"] if each["type"] == "InternalIP"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards:
        towards.connect((node, 9))
        return str(towards.getsockname()[0])


def rendered(*options: str) -> str:
    """What helm makes of the chart."""
    done = rendering(*options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendering(*options: str) -> subprocess.CompletedProcess[str]:
    return run(["helm", "template", "streaming", str(CHART), "--kube-version", KUBE_VERSION, *options])


def run(command: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=300, check=False)
