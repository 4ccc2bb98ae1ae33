"""The event loop that carries bytes: epoll, timers and nothing else, in one thread.

asyncio's transports and protocols cost several times what a small message needs, and keep buffers for every idle
connection. What belongs to a loop is touched by its thread alone; other threads go through `ask` and `call`.
"""

from __future__ import annotations

import heapq
import os
import select
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
BROKEN = select.EPOLLERR | select.EPOLLHUP
"""Reported whether asked for or not."""

_Result = TypeVar("_Result")
_IN_A_TURN = 8
"""Sockets, or timers, that are served before the others are looked at: a crowd of one kind must not hold up the other,
as a delay would grow by the time that all of a crowd take."""

_FINE_SECONDS = 0.001
"""epoll waits in whole milliseconds; what is left of a wait after those is waited for by `select`, in microseconds."""

_SELECTABLE = 1024
"""`select` takes descriptors below this only; in a process with more open files a timer may be a millisecond late."""


class Timer:
    """Calls once, when it is due, unless it was cancelled."""

    __slots__ = ("_call", "due")

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self._call = None

    @property
    def is_cancelled(self) -> bool:
        return self._call is None

    def ring(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


class Loop:
    """Runs callbacks until stopped, one after the other. Files are level-triggered: what is not read is told again."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._waits_finely = self._epoll.fileno() < _SELECTABLE
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._calls: deque[Callable[[], None]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, READABLE)
        self._callbacks[self._bell] = self._answer
        self._entry = threading.Lock()
        self._runs = False
        self._stopped = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._ident: int | None = None

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Call with the events that came, of `events` (READABLE, WRITABLE) and BROKEN. Again: watch for others."""
        if fd in self._callbacks:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        """Watch it no longer; before it is closed. No harm if it was not watched."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def now(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(time.monotonic() + seconds, callback)
        self._count += 1  # timers that are due at the same moment ring in the order they were set
        heapq.heappush(self._timers, (timer.due, self._count, timer))
        return timer

    def call(self, callback: Callable[[], None]) -> None:
        """Call soon, in the loop's thread. From any thread. A loop that does not run, or not yet, calls at once."""
        with self._entry:
            waits = self._runs
            if waits:
                self._calls.append(callback)
                os.eventfd_write(self._bell, 1)
        if not waits:
            callback()

    def ask(self, function: Callable[[], _Result]) -> _Result:
        """What the function returns or raises, run in the loop's thread. Blocks; from any thread, the loop's too."""
        if threading.get_ident() == self._ident:
            return function()
        answer: Future[_Result] = Future()

        def run() -> None:
            try:
                answer.set_result(function())
            except BaseException as error:  # noqa: BLE001  it is raised where it was asked for
                answer.set_exception(error)

        self.call(run)
        return answer.result()

    def start(self) -> None:
        """Run in a thread of its own."""
        self._runs = True
        self._thread = threading.Thread(target=self.run, name="proxy", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Run in this thread until `stop`; then it is closed."""
        self._ident = threading.get_ident()
        self._runs = True
        callbacks = self._callbacks
        while not self._stopped:
            for fd, events in self._events():
                callback = callbacks.get(fd)
                if callback is not None:  # none, if another callback of this turn has closed it
                    try:
                        callback(events)
                    except Exception:  # noqa: BLE001  one connection's mistake must not end all the others
                        self._report()
                        self.forget(fd)  # it would happen again at once
            if self._timers:
                self._ring()
        self._close()

    def stop(self) -> None:
        """End `run` and wait for the thread that was started for it. From any thread. What was asked is still done."""
        with self._entry:
            self._stopped = True
            if self._runs:
                os.eventfd_write(self._bell, 1)
        if self._thread is None:
            if self._ident is None:
                self._close()
        elif self._thread is not threading.current_thread():
            self._thread.join()

    def _events(self) -> list[tuple[int, int]]:
        timers = self._timers
        while timers and timers[0][2].is_cancelled:
            heapq.heappop(timers)
        if not timers:
            return self._epoll.poll(None, _IN_A_TURN)
        left = timers[0][0] - time.monotonic()
        if left >= _FINE_SECONDS:
            whole_seconds = int(left * 1000) / 1000 - 0.0005  # it rounds up to whole milliseconds
            return self._epoll.poll(whole_seconds, _IN_A_TURN)
        if left > 0 and self._waits_finely:
            select.select((self._epoll,), (), (), left)
        elif left > 0:
            return self._epoll.poll(left, _IN_A_TURN)
        return self._epoll.poll(0, _IN_A_TURN)

    def _ring(self) -> None:
        """Ring timers that are due now, not those that they set; those that are left have their next turn soon."""
        timers, now, last = self._timers, time.monotonic(), self._count
        for _ in range(_IN_A_TURN):
            if not timers or timers[0][0] > now or timers[0][1] > last:
                return
            timer = heapq.heappop(timers)[2]
            try:
                timer.ring()
            except Exception:  # noqa: BLE001  as above
                self._report()

    def _answer(self, events: int) -> None:
        os.eventfd_read(self._bell)
        self._make_calls()

    def _make_calls(self) -> None:
        for _ in range(len(self._calls)):
            call = self._calls.popleft()
            try:
                call()
            except Exception:  # noqa: BLE001  as above
                self._report()

    def _report(self) -> None:
        print("proxy: a mistake of our own, please report it:", file=sys.stderr)
        traceback.print_exc()

    def _close(self) -> None:
        with self._entry:
            self._runs = False
        self._make_calls()
        if not self._closed:
            self._closed = True
            self._ident = None
            self._callbacks.clear()
            self._epoll.close()
            os.close(self._bell)
