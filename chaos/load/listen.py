"""Translates Locust's request events for the recorder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import msgspec

from chaos.load.recorder import Recorder
from chaos.model.history import Operation

MEASURE = "measure"
"""The request type of an event whose response_time is not a latency but any value."""


OPERATION = "operation"
"""The request type of an event that is no request of its own but an entry in the history of operations: its context
holds `operation`, the fields of chaos.model.history.Operation. Nothing of it is counted."""


class Arrival:
    """Belongs to the greenlet of one open-loop session. `late_ms` is charged to the session's first request.

    Locust starts its stopwatch when a request is sent. A session that the generator began late has kept its user
    waiting before that; leaving it out would be coordinated omission.
    """

    __slots__ = ("late_ms",)

    def __init__(self, late_ms: float) -> None:
        self.late_ms = late_ms

    def charge(self) -> float:
        late_ms, self.late_ms = self.late_ms, 0.0
        return late_ms


class Listener:
    """`now` gives epoch seconds."""

    def __init__(self, recorder: Recorder, now: Callable[[], float]) -> None:
        self._recorder = recorder
        self._now = now

    def on_request(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None,
        **event: Any,
    ) -> None:
        """A handler of locust.events.request; of the rest of an event it reads exception, context and start_time."""
        exception: BaseException | None = event.get("exception")
        start_time: float | None = event.get("start_time")
        kind = (name, str((event.get("context") or {}).get("region", "")))
        value = float(response_time or 0.0)
        size = response_length or 0
        if request_type == OPERATION:
            self._note((event.get("context") or {}).get("operation"))
            return
        if request_type == MEASURE:
            self._recorder.request(kind, int(start_time or self._now()), value, size)
            return
        late_ms = _late_ms()
        began = start_time if start_time is not None else self._now() - value / 1000
        second = int(began - late_ms / 1000)
        if exception is not None:
            self._recorder.failed(kind, second, size, str(exception) or repr(exception))
        else:
            self._recorder.request(kind, second, value + late_ms, size)

    def _note(self, said: object) -> None:
        try:
            self._recorder.operation(msgspec.convert(said, Operation))
        except msgspec.ValidationError as error:
            self._recorder.error(f"an operation could not be read: {error}")
            self._recorder.operations_lost += 1


def _late_ms() -> float:
    arrival = getattr(gevent.getcurrent(), "chaos_arrival", None)
    return arrival.charge() if isinstance(arrival, Arrival) else 0.0
