"""How long the pipeline takes for a master, and how much two workers gain over one.

`pytest tests/benchmarks/test_pipeline_speed.py --run-benchmarks -s`
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.local.pipeline_trial import ingesting, make_master, result

SHORT_SECONDS, LONG_SECONDS = 32, 120
GAIN, LONGEST_MULTIPLE = 1.7, 1.5


def seconds_for(master: Path, store: Path, *words: str) -> float:
    """From the command to the published title: looking at it, encoding, packaging, all of it."""
    began = time.monotonic()
    result(ingesting(master, store, *words))
    return time.monotonic() - began


@pytest.mark.parametrize("bound", [["--one-core"], []], ids=["one-core", "free"])
def test_two_workers_against_one(tmp_path: Path, bound: list[str]) -> None:
    master = make_master(tmp_path / "master.mp4", SHORT_SECONDS, size="1280x720")
    one = seconds_for(master, tmp_path / "one", "--workers=1", *bound)
    two = seconds_for(master, tmp_path / "two", "--workers=2", *bound)
    print(f"\n{SHORT_SECONDS} s of 720p {bound}: one worker {one:.1f} s, two {two:.1f} s, {one / two:.2f} times")
    assert one / two >= GAIN or not bound


def test_two_minutes_of_720p_with_two_workers(tmp_path: Path) -> None:
    master = make_master(tmp_path / "master.mp4", LONG_SECONDS, size="1280x720")
    taken = seconds_for(master, tmp_path / "store", "--workers=2", "--one-core")
    print(f"\n{LONG_SECONDS} s of 720p, profile small: {taken:.1f} s, {taken / LONG_SECONDS:.2f} times its length")
    assert taken < LONGEST_MULTIPLE * LONG_SECONDS
