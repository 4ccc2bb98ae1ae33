"""The two ways to make load. Open: sessions arrive whatever the system does. Closed: users wait for their answers."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Protocol

import gevent
from gevent.pool import Pool
from locust import User
from locust.env import Environment
from locust.runners import LocalRunner
from locust.user.task import LOCUST_STATE_STOPPING

from chaos.load.arrivals import arrival_offsets, session_random
from chaos.load.listen import Arrival
from chaos.load.recorder import Recorder
from chaos.load.session import run_session
from chaos.load.shape import Shape
from chaos.load.wire import Job

MAX_SESSIONS = 5000
"""Open sessions at a time. Against a system that answers nothing they pile up; beyond this, arrivals wait, which shows
as lag and makes the run inconclusive instead of filling the memory."""

_KILL_SECONDS = 2.0
_ADJUST_SECONDS = 0.05


class Loop(Protocol):
    @property
    def active_users(self) -> int: ...

    def start(self, begin: float) -> None:
        """Arrivals and shape count from `begin`, in epoch seconds."""
        ...

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
        self._shape = Shape(job.arrivals_per_second or 0.0, job.shape)
        self._part = job.part
        self._seed = job.seed
        self._recorder = recorder
        self._now = now
        self._sessions = Pool(MAX_SESSIONS)
        self._weights = [user.weight for user in environment.user_classes]
        self._next_at = float("inf")
        self._begin = 0.0
        self._dispatcher = gevent.Greenlet(self._dispatch)

    @property
    def active_users(self) -> int:
        return len(self._sessions)

    def start(self, begin: float) -> None:
        self._begin = begin
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
        for number, offset in enumerate(arrival_offsets(self._shape, self._seed)):
            if not self._part.has(number):
                continue  # every worker draws all arrivals, so that they are the same however many workers there are
            self._next_at = self._begin + offset
            gevent.sleep(max(0.0, self._next_at - self._now()))
            self._sessions.spawn(self._session, number, self._next_at)
        self._next_at = float("inf")

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
    """Plain Locust: its local runner and its users. A shape adds users, or asks some to leave after their task."""

    def __init__(self, runner: LocalRunner, job: Job, now: Callable[[], float]) -> None:
        self._runner = runner
        self._users = job.users or 0
        self._shape = Shape(self._users, job.shape)
        self._part = job.part
        self._now = now
        self._begin = 0.0
        self._adjuster = gevent.Greenlet(self._adjust)

    @property
    def active_users(self) -> int:
        return self._runner.user_count

    def start(self, begin: float) -> None:
        self._begin = begin
        users = self._part.of(self._users)
        self._runner.start(users, spawn_rate=users)
        if self._shape.changes:
            self._adjuster.start()

    def overdue_ms(self) -> float:
        return 0.0

    def drain(self, seconds: float) -> int:
        self._adjuster.kill()
        for user in self._staying():
            user.stop()  # ends after the task it is in
        self._runner.user_greenlets.join(timeout=seconds)
        unfinished = self._runner.user_count
        self._runner.stop()
        return unfinished

    def _adjust(self) -> None:
        while True:
            gevent.sleep(_ADJUST_SECONDS)
            spawning = self._runner.spawning_greenlet
            if spawning is None or spawning.ready():  # before that, the first users are not all there
                wanted = self._part.of(round(self._shape.level(self._now() - self._begin)))
                self._become(wanted, self._staying())

    def _become(self, wanted: int, staying: list[User]) -> None:
        while len(staying) > wanted:
            leaving = self._class_furthest(staying, above=True)
            user = next(each for each in reversed(staying) if type(each) is leaving)
            staying.remove(user)
            user.stop()
        while len(staying) < wanted:
            joining = self._class_furthest(staying, above=False)
            staying += self._runner.spawn_users({joining.__name__: 1})

    def _class_furthest(self, staying: list[User], above: bool) -> type[User]:
        """The class that has most too many (or too few) of the users, by its weight."""
        present = {type(user) for user in staying}
        classes = [each for each in self._runner.user_classes if not above or each in present]
        weights = sum(each.weight for each in self._runner.user_classes)

        def surplus(each: type[User]) -> float:
            return sum(type(user) is each for user in staying) - len(staying) * each.weight / weights

        return max(classes, key=surplus) if above else min(classes, key=surplus)

    def _staying(self) -> list[User]:
        """The users who were not asked to leave yet."""
        users = [greenlet.args[0] for greenlet in self._runner.user_greenlets if greenlet.args]
        return [user for user in users if user._state != LOCUST_STATE_STOPPING]
