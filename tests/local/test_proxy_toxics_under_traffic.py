"""Ten thousand changes of toxics, with the traffic in a process of its own, so that it really is busy meanwhile."""

from __future__ import annotations

import subprocess
import sys

from tests.unit.proxy.traffic import Changing

UPSTREAM_PORT = 20501


def test_ten_thousand_changes_of_toxics_under_traffic_lose_no_byte() -> None:
    link = Changing(UPSTREAM_PORT)
    command = [sys.executable, "-m", "tests.unit.proxy.traffic", link.address, str(UPSTREAM_PORT), "2"]
    traffic = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert traffic.stdin is not None
        assert traffic.stdout is not None
        assert traffic.stdout.readline() == b"busy\n"
        link.change_toxics(10_000, seed=7)
        traffic.communicate(timeout=60)
        assert traffic.returncode == 0, "bytes were lost, doubled or moved"
    finally:
        traffic.kill()
        traffic.communicate()
        link.close()
