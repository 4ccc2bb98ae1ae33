"""A circuit breaker: after several failures in a row it spares everybody the waiting, and tries again with one call.

pybreaker keeps the state; nothing else imports it. Three of its habits are kept away from callers here, each held by a
test in tests/unit/kit/test_breaker.py:
- call() and the decorator hold a lock during the call and see nothing of what a coroutine does: only calling() is used.
- In half-open it lets everybody through: a gate lets one trial through at a time.
- An excluded exception is a *success* to it: a cancelled trial would close the breaker. What says nothing about the
  dependency changes nothing here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import pybreaker

from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import BreakerPolicy


class BreakerState(IntEnum):
    """As the metric `breaker_state` shows it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Guards calls to one instance. For one event loop; `clock` gives seconds that never go back.

    A breaker an instance, not a service: of two instances the dead one fails every second call, so a common count of
    failures *in a row* would never rise, and if it did, the living one would be cut off too.
    """

    def __init__(self, policy: BreakerPolicy, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._reset_seconds = policy.reset_seconds
        self._name = name
        self._record = _Record(clock)
        self._trial_under_way = False
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=policy.failures,
            reset_timeout=policy.reset_seconds,
            exclude=[_says_nothing],
            state_storage=self._record,
            throw_new_error_on_trip=False,
            name=name,
        )

    @property
    def state(self) -> BreakerState:
        return _STATES[self._breaker.current_state]

    @property
    def admits(self) -> bool:
        """Whether a call would be let through now."""
        if self.state is BreakerState.CLOSED:
            return True
        waited = self.state is BreakerState.HALF_OPEN or self._record.open_seconds >= self._reset_seconds
        return waited and not self._trial_under_way

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Guard the block, which may await. Raises CallFailed("open") without entering it when the breaker is open."""
        if not self.admits:
            raise CallFailed(f"{self._name} is left alone: its breaker is {self._breaker.current_state}", "open")
        is_trial = self.state is not BreakerState.CLOSED
        self._trial_under_way |= is_trial
        try:
            with self._breaker.calling():
                began_as = self.state
                try:
                    yield
                except BaseException as ending:
                    self._record.frozen = _says_nothing(ending) or self.state is not began_as
                    raise
                self._record.frozen = self.state is not began_as
        except pybreaker.CircuitBreakerError as error:  # it reads the time of day once more, which may have jumped back
            raise CallFailed(f"{self._name} is left alone: {error}", "open") from error
        finally:
            self._record.frozen = False
            if is_trial:
                self._trial_under_way = False


_STATES = {
    pybreaker.STATE_CLOSED: BreakerState.CLOSED,
    pybreaker.STATE_HALF_OPEN: BreakerState.HALF_OPEN,
    pybreaker.STATE_OPEN: BreakerState.OPEN,
}


def _says_nothing(ending: BaseException) -> bool:
    """Whether a call ended in a way that is no reason to leave the dependency alone.

    The caller gave up on it; or the dependency refused what matters little to it, to serve what matters more.
    """
    return isinstance(ending, asyncio.CancelledError | GeneratorExit) or (
        isinstance(ending, CallFailed) and (ending.hurried or ending.kind == "shed")
    )


class _Record(pybreaker.CircuitMemoryStorage):
    """What pybreaker counts. While `frozen`, an outcome leaves no trace in it.

    It is frozen while pybreaker books an outcome that says nothing, or that of a call which began before the breaker
    last changed. The time of opening is kept by a clock of our own: pybreaker's is the time of day, which may jump.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(pybreaker.STATE_CLOSED)
        self._clock = clock
        self._open_since = clock()
        self.frozen = False

    @property
    def open_seconds(self) -> float:
        return self._clock() - self._open_since

    @property
    def opened_at(self) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=self.open_seconds)

    @opened_at.setter
    def opened_at(self, value: datetime) -> None:
        self._open_since = self._clock()

    @property
    def counter(self) -> int:
        return 0 if self.frozen else super().counter

    def increment_counter(self) -> None:
        if not self.frozen:
            super().increment_counter()

    def reset_counter(self) -> None:
        if not self.frozen:
            super().reset_counter()

    def increment_success_counter(self) -> None:
        if not self.frozen:
            super().increment_success_counter()
