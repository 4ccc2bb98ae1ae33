"""The deadline of the request that is being served: it travels along the chain of calls and only ever shrinks.

A caller sends how many milliseconds are left in the header X-Deadline-Ms; a time left, not a time of day, because the
clocks of two machines differ. Nobody waits, works or retries for an answer that no one will read.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Deadline-Ms"

_ends_at: ContextVar[float] = ContextVar("deadline", default=math.inf)


@contextmanager
def inherited(header: str | None) -> Iterator[None]:
    """Serve a request within the time its caller has left. A header that is no number is as good as none."""
    token = _ends_at.set(time.monotonic() + _milliseconds(header) / 1000)
    try:
        yield
    finally:
        _ends_at.reset(token)


def is_over() -> bool:
    """Whether the caller has stopped waiting."""
    return time.monotonic() >= _ends_at.get()


def limited_to(deadline_ms: float) -> float:
    """When a call begun now must end, in time.monotonic seconds: in deadline_ms, or when the caller stops waiting."""
    return min(_ends_at.get(), time.monotonic() + deadline_ms / 1000)


def left_seconds(ends_at: float) -> float:
    """Seconds until then; 0 when it has passed."""
    return max(0.0, ends_at - time.monotonic())


def header_value(seconds: float) -> str:
    """What to send with an attempt that may take that long."""
    return str(max(1, int(seconds * 1000)))


def _milliseconds(header: str | None) -> float:
    try:
        left = float(header) if header is not None else math.inf
    except ValueError:
        return math.inf
    return math.inf if math.isnan(left) else left
