"""Ports of systems that several files of tests share: each process of a test run has its own."""

from __future__ import annotations

import os


def own(first: int, count: int) -> int:
    """The first of `count` ports from `first` on, of this process: pytest-xdist calls them gw0, gw1 and so on."""
    return first + count * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
