"""`python -m tests.chaostoolkit.compare CHAOS`: every sample by the original and by ours, as a table of exit codes.

CHAOS is the program of an installed chaostoolkit, in an environment of its own. Exit code 1 when one differs from
what is recorded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.chaostoolkit.corpus import SAMPLES, Sample

ROOT = Path(__file__).resolve().parents[2]
OURS = [sys.executable, "-c", "from chaos.cli import main; main()"]


def main(program: str) -> int:
    wrong = 0
    print("| experiment | Chaos Toolkit | Steadfast | `--strict-chaostoolkit` |\n| --- | --- | --- | --- |")
    for sample in SAMPLES:
        theirs = code(sample, [program, "--no-version-check"])
        ours = code(sample, OURS)
        strict = code(sample, OURS, "--strict-chaostoolkit")
        as_recorded = (theirs, ours, strict) == (sample.theirs, sample.ours, sample.theirs)
        wrong += not as_recorded
        print(f"| {sample.what} | {theirs} | {ours} | {strict} |" + ("" if as_recorded else " NOT AS RECORDED"))
    return int(wrong > 0)


def code(sample: Sample, program: list[str], *options: str) -> int:
    """The exit code of one program for one sample, on a system of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "experiment.json"
        file.write_text(json.dumps(sample.build(folder)))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "STEADFAST_HOME": f"{folder}/home"}
        done = subprocess.run(
            [*program, "run", str(file), *options],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if os.environ.get("VERBOSE"):
            print(sample.what, program, done.stdout, done.stderr, sep="\n")
        return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
