"""The gate of docs/how-to: what it lets pass, what it tells apart, and what the workflow does with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from chaos.model.errors import ExitCode

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"


class Gate:
    """The script with a `chaos` that ends with these codes, one after the other, and keeps what it was asked."""

    def __init__(self, folder: Path, *codes: int) -> None:
        self.folder = folder
        self.asked = folder / "asked"
        (folder / "codes").write_text("".join(f"{code}\n" for code in codes))
        fake = folder / "bin" / "chaos"
        fake.parent.mkdir()
        fake.write_text(
            f'#!/bin/sh\necho "$@" >> "{self.asked}"\n'
            f'exit "$(sed -n "$(wc -l < "{self.asked}" | tr -d " ")p" "{folder / "codes"}")"\n'
        )
        fake.chmod(0o755)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", str(HOW_TO / "chaos-gate.sh"), *arguments],
            cwd=self.folder,
            env={**os.environ, "PATH": path, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def verdict(self) -> str:
        return (self.folder / "gate" / "verdict.txt").read_text()


@pytest.mark.parametrize("code", [code for code in ExitCode if code != ExitCode.INCONCLUSIVE])
def test_only_held_lets_a_deploy_pass_and_every_other_answer_is_told_apart(code: ExitCode, tmp_path: Path) -> None:
    gate = Gate(tmp_path, code)
    assert gate.run("e.yaml").returncode == code
    assert ("do not deploy" not in gate.verdict) == (code == ExitCode.HELD)
    word = {1: "deviated", 4: "refused", 5: "aborted", 6: "STILL BROKEN", 70: "bug", 143: "interrupted"}.get(code, "")
    assert word in gate.verdict
    assert gate.asked.read_text().count("\n") == 1, "asking again until it holds would be waiting for luck"


def test_an_inconclusive_answer_is_asked_once_more_and_never_taken_for_a_yes(tmp_path: Path) -> None:
    gate = Gate(tmp_path, 3, 3, 0)
    assert gate.run("e.yaml").returncode == 3
    assert gate.verdict.startswith("inconclusive: do not deploy")
    assert gate.asked.read_text().count("\n") == 2


def test_the_second_answer_counts(tmp_path: Path) -> None:
    gate = Gate(tmp_path, 3, 1)
    assert gate.run("e.yaml").returncode == 1
    assert gate.verdict.startswith("deviated")


def test_how_often_it_asks_is_a_setting(tmp_path: Path) -> None:
    gate = Gate(tmp_path, 3, 0)
    assert gate.run("e.yaml", GATE_ATTEMPTS="1").returncode == 3


def test_it_hands_everything_on_and_leaves_junit_pages_and_a_summary(tmp_path: Path) -> None:
    gate = Gate(tmp_path, 0)
    summary = tmp_path / "summary.md"
    gate.run("a b.yaml", "--seed", "7", GITHUB_STEP_SUMMARY=str(summary))
    assert gate.asked.read_text() == "run a b.yaml --seed 7 --junit gate/junit.xml --out gate/reports\n"
    assert "held: deploy" in summary.read_text()


def test_the_workflow_deploys_after_the_gate_alone_and_keeps_what_was_found_whatever_happens() -> None:
    workflow = yaml.safe_load((HOW_TO / "gate-a-deploy.yaml").read_text())
    jobs = workflow["jobs"]
    assert jobs["deploy"]["needs"] == "gate"
    steps = jobs["gate"]["steps"]
    asking = next(number for number, step in enumerate(steps) if "chaos-gate.sh" in step.get("run", ""))
    assert "continue-on-error" not in steps[asking]
    after = steps[asking + 1 :]
    assert all(step["if"] == "always()" for step in after), "a failed gate must not keep its reasons to itself"
    upload = next(step for step in after if "upload-artifact" in step.get("uses", ""))
    assert "gate/" in upload["with"]["path"]
    assert any("platform down" in step.get("run", "") for step in after)


def test_the_page_knows_every_exit_code() -> None:
    page = (HOW_TO / "gate-a-deploy.md").read_text()
    for code in ExitCode:
        assert f"| {code.value}" in page or f", {code.value} |" in page
