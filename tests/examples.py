"""How many examples a test of a property takes."""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""How many hypothesis takes unless it is told otherwise."""


def examples(count: int) -> int:
    """Of a test that is to take `count` in a usual run: as many times more as `make explore` asks of every other."""
    return count * settings().max_examples // USUAL
