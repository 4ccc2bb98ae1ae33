"""What a killed test run leaves is ended by the next one, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

from tests.leftovers import MARK, end_leftovers

TRIAL = "STEADFAST_TEST_RUN_OF_A_TRIAL"
WAITS = [sys.executable, "-S", "-c", "input()"]


def test_what_runs_that_are_gone_have_left_is_ended_and_nothing_else() -> None:
    with ExitStack() as stack:

        def started(**variables: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(WAITS, env={**os.environ, **variables}, stdin=subprocess.PIPE)
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        gone, recycled = started(**{TRIAL: "999999999:1"}), started(**{TRIAL: f"{os.getpid()}:1"})
        ours, nobodys = started(**{TRIAL: os.environ[MARK]}), started()
        assert sorted(end_leftovers(TRIAL)) == sorted([gone.pid, recycled.pid])
        assert gone.wait(20) == recycled.wait(20) == -9
        assert ours.poll() is None
        assert nobodys.poll() is None
