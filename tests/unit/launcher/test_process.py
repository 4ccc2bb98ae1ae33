"""Who a process is."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from target_platform.launcher.fork import read_record
from target_platform.launcher.process import (
    Identity,
    born,
    identity_of,
    is_alive,
    kill_leftovers,
    signal_session,
    stop_all,
)


def test_a_pid_counts_only_with_its_start_time() -> None:
    me = identity_of(os.getpid())
    assert me is not None
    assert is_alive(me)
    assert not is_alive(Identity(me.pid, me.started - 1))


def test_a_zombie_is_nobody_but_was_somebody() -> None:
    with subprocess.Popen(["true"]) as child:
        while identity_of(child.pid) is not None:
            time.sleep(0.001)
        assert born(child.pid).pid == child.pid


def test_nothing_is_signalled_that_is_somebody_else_by_now() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        somebody_else = Identity(child.pid, born(child.pid).started - 1)
        signal_session(somebody_else, signal.SIGKILL)
        stop_all([somebody_else], 0)
        assert kill_leftovers(somebody_else) == 0
        assert identity_of(child.pid) is not None
        stop_all([born(child.pid)], 0)
        assert identity_of(child.pid) is None


def test_stopping_ends_what_is_paused_and_what_does_not_listen() -> None:
    deaf = "trap '' TERM; echo ready; while :; do sleep 1 & wait; done"
    with (
        subprocess.Popen(["sleep", "60"], start_new_session=True) as paused,
        subprocess.Popen(["sh", "-c", deaf], start_new_session=True, stdout=subprocess.PIPE) as stubborn,
    ):
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        paused.send_signal(signal.SIGSTOP)
        stop_all([born(paused.pid)], 60)
        stop_all([born(stubborn.pid)], 0.1)
        assert paused.wait() == -signal.SIGTERM
        assert stubborn.wait() == -signal.SIGKILL


def test_a_record_that_is_torn_or_of_somebody_gone_says_nobody(tmp_path: Path) -> None:
    record = tmp_path / "a"
    assert read_record(record) is None
    record.write_text('{"pid": 1')
    assert read_record(record) is None
    record.write_text(f'{{"pid": {os.getpid()}, "started": 1}}')
    assert read_record(record) is None
    record.write_text(f'{{"pid": {os.getpid()}, "started": {born(os.getpid()).started}}}')
    assert read_record(record) == born(os.getpid())
