"""`chaos gameday run` on real processes: asked, run, noted, compared; ended by Ctrl-C in a pause."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chaos.reports.gameday import Report
from tests.local.small_system import SmallSystem

KILL = """
apiVersion: chaos/v1
kind: Experiment
name: kill-a-web
hypothesis: One web dies and the rest lives.
steadyState:
  - name: webs are alive
    probe: {process_alive: {service: web, every: 200ms}}
    target: ">= ${share}"
    window: fault
    minSamples: 4
variables: {share: 50%}
method:
  - fault: {kill: {}}
    target: {instance: {service: web}, amount: one}
    duration: 1s
recovery: 0s
"""
DAY = """
apiVersion: chaos/v1
kind: GameDay
name: small-day
purpose: Do webs survive?
schedule:
  - experiment: kill.yaml
    prediction: {outcome: held, because: three others live, by: us}
  - until: enter
  - experiment: kill.yaml
    variables: {share: 99%}
    prediction: {outcome: held, because: nobody notices}
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallSystem]:
    small = SmallSystem(tmp_path_factory.mktemp("gameday"), 26400)
    small.start()
    try:
        yield small
    finally:
        small.stop()


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "kill.yaml").write_text(KILL)
    (tmp_path / "day.yaml").write_text(DAY)
    return str(tmp_path / "day.yaml")


def start(system: SmallSystem, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        system.command("gameday", "run", *arguments),
        env=system.environment_variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def report(folder: Path) -> Report:
    return msgspec.json.decode((folder / "gameday.json").read_bytes(), type=Report)


def test_runs_are_asked_for_noted_on_and_compared_with_what_was_predicted(
    system: SmallSystem, file: str, tmp_path: Path
) -> None:
    day = start(system, file, "--seed", "3", "--out", str(tmp_path / "out"))
    output, _ = day.communicate("y\nthat was quick\n\ny\n", timeout=180)
    assert day.returncode == 1, output
    assert output.index("hits 1 of 4 that match") < output.index("run it?") < output.index("injected kill on")
    assert "NOT AS PREDICTED: held was expected, it is deviated" in output
    session = report(tmp_path / "out").session
    assert [item.agreement for item in session.tried] == ["as predicted", "not as predicted"]
    assert [note.text for note in session.notes] == ["that was quick"]
    assert session.tried[1].repeat.endswith("kill.yaml --seed 3 --var share=99%"), session.tried[1].repeat
    page = (tmp_path / "out" / "gameday.html").read_text()
    for item in session.tried:
        assert f'href="{item.run}/report.html"' in page
        assert (tmp_path / "out" / item.run / "report.html").exists()
    assert system.broken() == []


def test_ctrl_c_in_a_pause_ends_the_day_with_its_page(system: SmallSystem, file: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    day = start(system, file, "--out", str(out))
    try:
        assert day.stdin is not None
        assert day.stdout is not None
        day.stdin.write("y\nseen\n")
        day.stdin.flush()
        lines = []
        for line in day.stdout:
            lines.append(line)
            if line == "noted\n":
                break
        os.kill(day.pid, signal.SIGINT)
        output, _ = day.communicate(timeout=60)
    finally:
        day.kill()
        day.communicate()
    assert day.returncode == 130, "".join(lines) + output
    assert "Traceback" not in output
    kept = report(out)
    assert (kept.exit_code, kept.session.ended_early) == (130, "interrupted between two runs")
    assert [item.verdict.outcome for item in kept.session.tried if item.verdict] == ["held"]
    assert [note.text for note in kept.session.notes] == ["seen"]
    assert "ended early" in (out / "gameday.html").read_text()


def test_unattended_it_asks_nobody(system: SmallSystem, file: str) -> None:
    done = system.chaos("gameday", "run", file, "--yes")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "run it?" not in done.stdout
    assert done.stdout.count("report: ") == 2


def test_a_mistake_in_the_last_line_costs_nothing(system: SmallSystem, file: str) -> None:
    Path(file).write_text(DAY.replace("nobody notices", ""))
    done = system.chaos("gameday", "run", file)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "day.yaml:12:" in done.stderr
    assert done.stdout == ""
