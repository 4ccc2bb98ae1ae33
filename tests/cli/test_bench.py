"""`chaos bench detection` before it needs a platform: what it refuses, and what it says when nothing was run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def detection(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from chaos.cli import main; main()", "bench", "detection", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "STEADFAST_HOME": str(home)},
    )


def test_what_was_not_run_is_not_measured_and_not_green(tmp_path: Path) -> None:
    said = detection(tmp_path, "--at-most", "0", "--json")
    assert said.returncode == 3, said.stderr
    figures = json.loads(said.stdout)
    assert figures["recall"] == {"number": 0, "total": 0, "low": None, "high": None}
    assert (tmp_path / "bench" / "detection" / "detection.md").exists()


def test_weaknesses_of_ones_own_are_read_before_anything_is_started(tmp_path: Path) -> None:
    said = detection(tmp_path, "--weaknesses", str(tmp_path / "absent"))
    assert (said.returncode, "there is no weakness in" in said.stderr) == (2, True)
    (tmp_path / "mine.yaml").write_text("{name: mine, noticed_by: [dead-egde]}")
    said = detection(tmp_path, "--weaknesses", str(tmp_path))
    assert (said.returncode, "'dead-egde'" in said.stderr) == (2, True)
