"""From a journal to a verdict: pure functions, the same answer a year later."""

from chaos.judge.objectives import compare, estimate
from chaos.judge.verdict import judge

__all__ = ["compare", "estimate", "judge"]
