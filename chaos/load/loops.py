"""The two ways to make load. Open: sessions arrive whatever the system does. Closed: users wait for their answers."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Protocol

import gevent
from gevent.pool import Pool
from locust.env import Environment
from locust.runners import LocalRunner

from chaos.load.arrivals import arrival_offsets, session_random
from chaos.load.listen import Arrival
from chaos.load.recorder import Recorder
from chaos.load.session import run_session
from chaos.load.wire import Job

MAX_SESSIONS = 5000
"""Open sessions at a time. Against a system that answers nothing they pile up; beyond this, arrivals wait, which shows
as lag and makes the run inconclusive instead of filling the memory."""

_KILL_SECONDS = 2.0


class Loop(Protocol):
    @property
    def active_users(self) -> int: ...

    def start(self) -> None: ...

    def overdue_ms(self) -> float:
        """How late the next session is already."""
        ...

    def drain(self, seconds: float) -> int:
        """No new sessions; wait for the open ones, then cut them off. Returns how many were cut off."""
        ...


class OpenLoop:
    def __init__(self, environment: Environment, job: Job, recorder: Recorder, now: Callable[[], float]) -> None:
        self._environment = environment
        self._events: Any = environment.events  # Locust has no types for them
        self._rate = job.arrivals_per_second or 0.0
        self._seed = job.seed
        self._recorder = recorder
        self._now = now
        self._sessions = Pool(MAX_SESSIONS)
        self._weights = [user.weight for user in environment.user_classes]
        self._next_at = float("inf")
        self._dispatcher = gevent.Greenlet(self._dispatch)

    @property
    def active_users(self) -> int:
        return len(self._sessions)

    def start(self) -> None:
        self._events.test_start.fire(environment=self._environment)
        self._dispatcher.start()

    def overdue_ms(self) -> float:
        return (self._now() - self._next_at) * 1000

    def drain(self, seconds: float) -> int:
        self._dispatcher.kill()
        self._next_at = float("inf")
        self._events.test_stopping.fire(environment=self._environment)
        self._sessions.join(timeout=seconds)
        unfinished = len(self._sessions)
        self._sessions.kill(timeout=_KILL_SECONDS)
        self._events.test_stop.fire(environment=self._environment)
        return unfinished

    def _dispatch(self) -> None:
        began = self._now()
        for number, offset in enumerate(arrival_offsets(self._rate, self._seed)):
            self._next_at = began + offset
            gevent.sleep(max(0.0, self._next_at - self._now()))
            self._sessions.spawn(self._session, number, self._next_at)

    def _session(self, number: int, intended_at: float) -> None:
        late_ms = max(0.0, (self._now() - intended_at) * 1000)
        self._recorder.lag(late_ms)
        gevent.getcurrent().chaos_arrival = Arrival(late_ms)
        random = session_random(self._seed, number)
        [user_class] = random.choices(self._environment.user_classes, self._weights)
        user = user_class(self._environment)
        try:
            run_session(user, random)
        except Exception as error:  # noqa: BLE001 - a user's code may raise anything; as in Locust, the others go on
            traceback.print_exc()
            self._recorder.error(f"{user_class.__name__}: {type(error).__name__}: {error}")
            self._events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)


class ClosedLoop:
    """Plain Locust: its local runner and its users."""

    def __init__(self, runner: LocalRunner, job: Job) -> None:
        self._runner = runner
        self._users = job.users or 0

    @property
    def active_users(self) -> int:
        return self._runner.user_count

    def start(self) -> None:
        self._runner.start(self._users, spawn_rate=self._users)

    def overdue_ms(self) -> float:
        return 0.0

    def drain(self, seconds: float) -> int:
        users = [greenlet.args[0] for greenlet in self._runner.user_greenlets if greenlet.args]
        for user in users:
            user.stop()  # ends after the task it is in
        self._runner.user_greenlets.join(timeout=seconds)
        unfinished = self._runner.user_count
        self._runner.stop()
        return unfinished
