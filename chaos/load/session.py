"""One open-loop session of a user: starts, does one thing, stops.

A user that declares a method `session` has its say; any other user runs one of its tasks, picked by weight. A nested
TaskSet runs one of its tasks, a SequentialTaskSet each of its tasks once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from random import Random
from typing import Any

from locust import SequentialTaskSet, TaskSet, User
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet

_ENDS = (StopUser, StopTest, InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)


def run_session(user: User, random: Random) -> None:
    """Run it to its end. Raises whatever the user's code raises; `on_stop` is called in any case."""
    top = DefaultTaskSet(user)
    user._state = LOCUST_STATE_RUNNING  # what User.run would have set: user.wait() and stop() look at both
    user._taskset_instance = top
    try:
        user.on_start()
        if callable(getattr(type(user), "session", None)):
            user.session()  # type: ignore[attr-defined] # looked for in the line above
        else:
            _run(top, random.choice(user.tasks))
    except _ENDS:
        pass  # the user's own way of saying that it is done
    finally:
        user.on_stop()  # type: ignore[no-untyped-call]


def _run(owner: TaskSet, task: TaskSet | Callable[..., Any]) -> None:
    if not (inspect.isclass(task) and issubclass(task, TaskSet)):
        owner.execute_task(task)  # type: ignore[no-untyped-call]
        return
    nested = task(owner)  # type: ignore[arg-type]
    nested.on_start()
    try:
        for step in range(len(nested.tasks) if isinstance(nested, SequentialTaskSet) else 1):
            if step > 0:
                nested.wait()  # type: ignore[no-untyped-call]
            _run(nested, nested.get_next_task())  # type: ignore[no-untyped-call]
    except (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately):
        pass  # it hands back to its parent
    finally:
        nested.on_stop()  # type: ignore[no-untyped-call]
