"""How often a guardrail stops a run that is exactly at its floor. `make bench PYTEST_ARGS="-s -k false_alarms"`."""

from __future__ import annotations

import random

from chaos.judge.intervals import wilson
from tests.unit.guardrails.null_runs import FLOOR, run_at, stopped_at, stopped_by_a_fixed_interval

RUNS = 10_000


def test_false_alarms_of_10_000_null_runs() -> None:
    draw = random.Random(10_000)
    sequence = fixed = 0
    for _ in range(RUNS):
        run = run_at(FLOOR, draw)
        sequence += stopped_at(run) is not None
        fixed += stopped_by_a_fixed_interval(run)
    low, high = wilson(sequence, RUNS, 0.95)
    print(f"\nobjective_floor stopped {sequence} of {RUNS:,} runs of 60 s at the floor ({low:.2%} to {high:.2%});")
    print(f"a 95 % interval of each look by itself would have stopped {fixed} ({fixed / RUNS:.0%})")
    assert sequence <= 0.05 * RUNS
    assert fixed > 0.3 * RUNS
