"""A check never seen failing is not a check: every shipped experiment is proven both ways.

On the healthy platform it holds; with a protection taken away that it tests it deviates; with that protection
away and no fault it holds, so that it is the fault that makes the difference. Which weakness must be noticed by
which experiment stands in the weaknesses themselves (`noticed_by`).

CI proves one (--prove-one), chosen by the commit's hash; --prove-all proves all, or what -k selects, and brings
docs/reference/proof.md up to date.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.experiments.to_prove import BESIDE_AN_ACCOUNT, pairs

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "reference" / "proof.md"
pytestmark = pytest.mark.slow


def commit_number() -> int:
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(shown.stdout.strip() or "0", 16)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "weakness" in metafunc.fixturenames:
        chosen = pairs()
        if not metafunc.config.getoption("--prove-all"):
            chosen = [chosen[commit_number() % len(chosen)]]
        metafunc.parametrize(("name", "weakness"), chosen)


@dataclass
class Answer:
    """What one run said."""

    code: int
    text: str
    report: dict[str, object] | None

    @property
    def cell(self) -> str:
        if self.report is None:
            return f"exit {self.code}"
        objectives = self.report["objectives"]
        assert isinstance(objectives, list)
        off = [each["name"] for each in objectives if each["outcome"] != "held"]
        return f"{self.report['outcome']}" + (f": {', '.join(off)}" if off else "")


@dataclass
class Proof:
    """A platform of the test's own, and the table of what was proven on it."""

    home: Path
    rows: list[str] = field(default_factory=list)

    def chaos(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from chaos.cli import main; main()", *arguments]
        environment = {**os.environ, "STEADFAST_HOME": str(self.home)}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT, env=environment
        )

    def run(self, *arguments: str) -> Answer:
        out = self.home / "out" / str(len(list((self.home / "runs").glob("*"))))
        done = self.chaos("run", *arguments, "--out", str(out))
        reports = list(out.glob("*/report.json"))
        report = json.loads(reports[0].read_text()) if reports else None
        return Answer(done.returncode, done.stdout + done.stderr, report)


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Proof]:
    proof = Proof(tmp_path_factory.mktemp("proof"))
    started = proof.chaos("platform", "up", "--base-port", "26000")
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield proof
    finally:
        ended = proof.chaos("platform", "down")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        if request.config.getoption("--prove-all"):
            write_table(proof.rows)


def write_table(rows: list[str]) -> None:
    """What was proven now takes the place of what the table said of it; what is no longer to be proven leaves it."""
    known = {f"| {experiment} | {weakness} |" for experiment, weakness in (*pairs(), BESIDE_AN_ACCOUNT)}
    before = TABLE.read_text().splitlines() if TABLE.exists() else []
    table = {_subject(row): row for row in (*before, *rows) if _subject(row) in known}
    lines = [
        "# Every experiment, proven both ways",
        "",
        "`make prove` writes this table. Behind an outcome stand the objectives that were not held.",
        "",
        "| experiment | protection taken away | healthy | weakened | weakened, no fault |",
        "| --- | --- | --- | --- | --- |",
        *(table[subject] for subject in sorted(table)),
    ]
    TABLE.write_text("\n".join(lines) + "\n")


def _subject(row: str) -> str:
    return "|".join(row.split("|")[:3]) + "|"


def test_it_holds_deviates_without_its_protection_and_holds_without_the_fault(
    proof: Proof, name: str, weakness: str
) -> None:
    healthy = proof.run(name)
    if healthy.code == 4 and "is no file system of its own" in " ".join(healthy.text.split()):
        pytest.skip("mounting a small tmpfs is not permitted here")
    weakened = proof.run(name, "--weaken", weakness)
    control = proof.run(name, "--weaken", weakness, "--control")
    proof.rows.append(f"| {name} | {weakness} | {healthy.cell} | {weakened.cell} | {control.cell} |")
    assert healthy.code == 0, healthy.text
    assert weakened.code == 1, weakened.text
    assert control.code == 0, control.text
