"""A check never seen failing is not a check: every shipped experiment is proven both ways.

On the healthy platform it holds; with the one protection that it tests taken away it deviates; with that
protection away and no fault it holds, so that it is the fault that makes the difference.
CI proves a part, chosen by the commit's hash; --prove-all proves them all and writes docs/reference/proof.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROTECTION = {
    "slow-recommendations": "no-recommendations-fallback",
    "dead-edge": "no-edge-failover",
    "one-of-each-dies": "no-second-attempt",
    "region-loss": "no-region-failover",
}
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def commit_number() -> int:
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(shown.stdout.strip() or "0", 16)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = sorted(PROTECTION)
    if not metafunc.config.getoption("--prove-all"):
        names = [names[commit_number() % len(names)]]
    metafunc.parametrize("name", names)


def chaos(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A platform of the test's own, on ports of its own."""
    previous = os.environ.get("STEADFAST_HOME")
    os.environ["STEADFAST_HOME"] = str(tmp_path_factory.mktemp("proof"))
    started = chaos("platform", "up", "--base-port", "26000")
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        yield
    finally:
        ended = chaos("platform", "down")
        if previous is None:
            del os.environ["STEADFAST_HOME"]
        else:
            os.environ["STEADFAST_HOME"] = previous
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.usefixtures("platform")
def test_it_holds_deviates_without_its_protection_and_holds_without_the_fault(name: str) -> None:
    healthy = chaos("run", name)
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr
    weakened = chaos("run", name, "--weaken", PROTECTION[name])
    assert weakened.returncode == 1, weakened.stdout + weakened.stderr
    control = chaos("run", name, "--weaken", PROTECTION[name], "--control")
    assert control.returncode == 0, control.stdout + control.stderr


def test_every_shipped_experiment_names_the_protection_it_tests(name: str) -> None:
    shipped = {
        path.stem
        for path in (ROOT / "experiments").rglob("*.yaml")
        if path.parent.name not in ("environments", "gamedays")
    }
    assert shipped == set(PROTECTION)
    assert name in shipped
