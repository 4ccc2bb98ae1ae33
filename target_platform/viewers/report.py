"""A viewer's events for Locust. One thing that the viewer wanted is one event, however many servers it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent

from target_platform.viewers.fetch import RequestFailed, Tally


class Reporter:
    """`fire` is Environment.events.request.fire; `region` is where the viewer is at home, whoever serves it."""

    def __init__(self, fire: Callable[..., None], region: str, keeps_history: bool = False) -> None:
        self._fire = fire
        self._keeps_history = keeps_history
        self._context = {"region": region}

    @contextmanager
    def request(self, name: str) -> Iterator[Tally]:
        """Report the block as one request: a failure when it raises RequestFailed, which goes on to the caller."""
        tally = Tally()
        start_time, began = time.time(), time.monotonic()
        try:
            yield tally
        except RequestFailed as error:
            self._event(name, start_time, began, tally, error)
            raise
        except gevent.GreenletExit:
            # Cut off at the end of the load: no verdict on the request, but its bytes were sent.
            if tally.bytes:
                self.measure("unfinished_bytes", tally.bytes, size=tally.bytes)
            raise
        self._event(name, start_time, began, tally, None)

    def measure(self, name: str, value: float, size: int = 0) -> None:
        self._fire(
            request_type="measure",
            name=name,
            response_time=value,
            response_length=size,
            exception=None,
            context=self._context,
        )

    def operation(self, kind: str, begun: float, **rest: Any) -> None:
        """What was just done with data, begun at an epoch second, for the history that is checked after the run."""
        if self._keeps_history:
            operation = {"kind": kind, "begun": begun, "ended": time.time(), **rest}
            self._fire(
                request_type="operation",
                name=kind,
                response_time=0,
                response_length=0,
                exception=None,
                context={"operation": operation},
            )

    def _event(self, name: str, start_time: float, began: float, tally: Tally, error: Exception | None) -> None:
        self._fire(
            request_type="viewer",
            name=name,
            response_time=(time.monotonic() - began) * 1000,
            response_length=tally.bytes,
            exception=error,
            context=self._context,
            start_time=start_time,
        )
