"""`chaos` as a person or a pipeline uses it, on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec

from chaos.journal.read import read
from chaos.journal.runs import all_runs
from chaos.model.events import Injecting, Judged, Reverted, RunStarted
from chaos.model.plan import Plan
from tests.cli.test_bad_input import KILL_A_WEB, write
from tests.local.small_system import SmallSystem


def test_what_plan_prints_is_what_run_executes(system: SmallSystem, tmp_path: Path) -> None:
    file = write(tmp_path, KILL_A_WEB)
    printed = msgspec.json.decode(system.chaos("plan", file, "--seed", "11", "--json").stdout, type=Plan)
    done = system.chaos("run", file, "--seed", "11")
    assert done.returncode == 0, done.stdout + done.stderr
    events = read(all_runs(system.home)[-1].journal)
    started = events[0]
    assert isinstance(started, RunStarted)
    assert msgspec.structs.replace(started.plan, repeat="") == printed
    assert [event.undo.target for event in events if isinstance(event, Injecting)] == list(printed.steps[0].targets)  # type: ignore[union-attr]
    assert any(isinstance(event, Reverted) for event in events)
    assert system.broken() == []


def test_a_run_leaves_page_json_and_junit_also_where_asked(system: SmallSystem, tmp_path: Path) -> None:
    out, junit = tmp_path / "out", tmp_path / "deep" / "junit.xml"
    done = system.chaos("run", write(tmp_path, KILL_A_WEB), "--out", str(out), "--junit", str(junit))
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = out.iterdir()
    page = (run / "report.html").read_text()
    assert "One web dies and the rest lives." in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://127.0.0.1", "")
    assert msgspec.json.decode((run / "report.json").read_bytes())["outcome"] == "held"
    suites = ET.parse(junit).getroot()
    assert suites.get("failures") == "0"
    assert int(suites.get("tests", "0")) >= 2


def test_a_suite_exits_with_its_worst_run_and_reports_all(system: SmallSystem, tmp_path: Path) -> None:
    holds = write(tmp_path, KILL_A_WEB, "holds.yaml")
    text = KILL_A_WEB.replace('">= 50%"', '">= 99%"\n    window: fault').replace("kill-a-web", "too-much")
    deviates = write(tmp_path, text, "deviates.yaml")
    junit = tmp_path / "junit.xml"
    done = system.chaos("run", deviates, holds, "--junit", str(junit))
    assert done.returncode == 1, done.stdout + done.stderr
    assert {suite.get("name") for suite in ET.parse(junit).getroot()} == {"kill-a-web", "too-much"}
    assert "deviated" in done.stdout


def test_a_report_is_made_again_from_the_journal_alone(system: SmallSystem, tmp_path: Path) -> None:
    system.chaos("run", write(tmp_path, KILL_A_WEB))
    run = all_runs(system.home)[-1]
    before = next(event for event in read(run.journal) if isinstance(event, Judged)).verdict
    again = system.chaos("report", run.run, "--out", str(tmp_path / "again"))
    assert again.returncode == before.exit_code
    assert (tmp_path / "again" / "report.html").exists()


def test_abort_ends_a_run_from_another_terminal_and_waits_until_all_is_reverted(
    system: SmallSystem, tmp_path: Path
) -> None:
    known = len(all_runs(system.home))
    run = system.start_chaos("run", write(tmp_path, KILL_A_WEB.replace("duration: 1s", "duration: 60s")))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        runs = all_runs(system.home)
        if len(runs) > known and any(isinstance(event, Injecting) for event in read(runs[-1].journal)):
            break
        time.sleep(0.02)
    aborted = system.chaos("abort")
    output, _ = run.communicate(timeout=60)
    assert aborted.returncode == 0, aborted.stdout + aborted.stderr
    assert run.returncode == 143, output
    assert system.broken() == []
    assert system.chaos("abort").returncode == 4, "there is nothing to abort any more"


def test_rollback_of_a_run_that_left_nothing_says_so(system: SmallSystem, tmp_path: Path) -> None:
    system.chaos("run", write(tmp_path, KILL_A_WEB))
    done = system.chaos("rollback", "last")
    assert done.returncode == 0
    assert "nothing is open" in done.stdout
    assert "no run has anything open" in system.chaos("rollback").stdout


def test_rollback_reverts_what_run_and_guardian_could_not(system: SmallSystem, tmp_path: Path) -> None:
    text = KILL_A_WEB.replace("kill: {}", "pause: {}").replace("duration: 1s", "duration: 60s")
    run = system.start_chaos("run", write(tmp_path, text))
    deadline = time.monotonic() + 60
    while not system.broken() and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split():
        signal.pidfd_send_signal(os.pidfd_open(int(pid)), signal.SIGKILL)  # guardian and lease holder
    run.kill()
    run.communicate()
    assert system.broken() != []
    refused = system.chaos("run", write(tmp_path, KILL_A_WEB))
    assert refused.returncode == 4
    assert "left something broken" in refused.stdout
    done = system.chaos("rollback")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reverted: pause on" in done.stdout
    assert system.broken() == []


def test_doctor_finds_this_machine_fit(system: SmallSystem) -> None:
    done = system.chaos("doctor")
    assert done.returncode == 0, done.stdout
    assert "MISSING" not in done.stdout


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys; sys.argv = ['chaos', '--help']\n"
        "from chaos.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'locust', 'kubernetes', 'boto3', 'toxiproxy', 'jinja2', 'yaml', 'aiohttp'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
