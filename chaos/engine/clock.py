"""Real time, real signals and real threads, behind the protocols of model/clock.py."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from types import FrameType
from typing import Literal, TypeVar

Result = TypeVar("Result")
SignalName = Literal["SIGINT", "SIGTERM", "SIGHUP"]
_HANDLED: tuple[SignalName, ...] = ("SIGINT", "SIGTERM", "SIGHUP")


class SystemClock:
    """Epoch seconds that advance with the monotonic clock, and a sleep that a signal ends at once.

    The sleep waits on the wake-up descriptor that the interpreter writes to from its C signal
    handler: setting a threading.Event from a Python handler could deadlock on the event's own lock.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._waking = threading.Lock()
        self._closed = False

    def now(self) -> float:
        return time.monotonic() + self._offset

    def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if threading.current_thread() is not threading.main_thread():
            time.sleep(seconds)  # signals are the main thread's, and so is their wake-up byte
            return
        ready, _, _ = select.select([self._read], [], [], seconds)
        if ready:
            os.read(self._read, 4096)

    def wake(self) -> None:
        with self._waking:
            if not self._closed:  # a call that hung may come back when the run is long over
                try:
                    os.write(self._write, b"w")
                except BlockingIOError:
                    pass  # it is full of reasons to wake up

    @property
    def wake_up_descriptor(self) -> int:
        return self._write

    def close(self) -> None:
        with self._waking:
            self._closed = True
            os.close(self._read)
            os.close(self._write)


class Signals:
    """Remembers the first signal that asks the run to end; later ones only call `on_repeat`.

    Use as a context manager: the previous handlers come back at its end.
    """

    def __init__(self, clock: SystemClock, on_repeat: Callable[[], None]) -> None:
        self.received: SignalName | None = None
        self._clock = clock
        self._on_repeat = on_repeat
        self._previous: dict[SignalName, object] = {}
        self._previous_descriptor = -1

    def __enter__(self) -> Signals:
        self._previous_descriptor = signal.set_wakeup_fd(self._clock.wake_up_descriptor, warn_on_full_buffer=False)
        for name in _HANDLED:
            self._previous[name] = signal.signal(getattr(signal, name), self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for name, handler in self._previous.items():
            signal.signal(getattr(signal, name), handler)  # type: ignore[arg-type]  # it came from signal.signal
        signal.set_wakeup_fd(self._previous_descriptor)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.received is None:
            self.received = next(name for name in _HANDLED if getattr(signal, name) == number)
        else:
            self._on_repeat()


class ThreadWorkers:
    """Two thread pools: faults and probes block on sockets, not on the interpreter.

    `each` has a pool of its own, so that reverting never queues behind a probe that hangs.
    """

    def __init__(self, size: int = 64) -> None:
        self._soon = ThreadPoolExecutor(size, thread_name_prefix="chaos-soon")
        self._each = ThreadPoolExecutor(2 * size, thread_name_prefix="chaos-each")

    def each(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        if len(calls) == 1:
            return [calls[0]()]
        futures = [self._each.submit(call) for call in calls]
        wait(futures)
        return [future.result() for future in futures]

    def submit(self, call: Callable[[], None]) -> None:
        self._soon.submit(call)

    def close(self) -> None:
        """Let go of the threads without waiting for calls that hang in a sick system."""
        self._soon.shutdown(wait=False, cancel_futures=True)
        self._each.shutdown(wait=False, cancel_futures=True)
