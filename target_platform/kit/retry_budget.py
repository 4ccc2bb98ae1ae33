"""Bounds retries over all calls, so that a sick dependency is not killed by those who ask it again.

A token bucket: every call puts `share` of a token in, every retry takes a whole one, and it holds `burst` at most.
Without it, three attempts each make three times the load exactly when the dependency can carry the least.

Source: Google SRE Book, "Handling Overload" (per-client retry budget); Finagle's RetryBudget.
"""

from __future__ import annotations

from target_platform.kit.policy import RetryBudgetPolicy


class RetryBudget:
    """Full at the start, so that the first failures after a start may be retried."""

    def __init__(self, policy: RetryBudgetPolicy) -> None:
        self._policy = policy
        self._tokens = policy.burst

    def deposit(self) -> None:
        """A call begins."""
        self._tokens = min(self._policy.burst, self._tokens + self._policy.share)

    def take(self) -> bool:
        """Whether a retry is allowed; if so, it is paid for."""
        if self._tokens < 1 - 1e-9:  # ten times 0.1 is a little less than 1
            return False
        self._tokens -= 1
        return True
