"""Loads anybody's locustfile and says in one sentence why it cannot be used."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from locust import FastHttpUser, HttpUser, User
from locust.util.load_locustfile import load_locustfile


class CannotUse(Exception):
    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def load_users(name: str, path: str, host: str) -> list[type[User]]:
    """The user classes of a locustfile, with `host` set where given. Raises CannotUse."""
    classes = list(_import(name, path).values())
    usable = [user for user in classes if user.weight > 0 or user.fixed_count > 0]
    if not usable:
        raise CannotUse(
            f"The locustfile {name} defines no user class.",
            "It needs a class derived from locust.User that is not abstract and has a weight above 0.",
        )
    for user in usable:
        if host:
            user.host = host
    _check_hosts(name, usable)
    _check_tasks(name, usable)
    return usable


def _import(name: str, path: str) -> dict[str, type[User]]:
    try:
        classes, _shapes = load_locustfile(path)
    except SyntaxError as error:
        raise CannotUse(f"The locustfile {name} is not Python: line {error.lineno}: {error.msg}.") from error
    except (Exception, SystemExit) as error:  # importing runs the user's code: anything may come
        traceback.print_exc()  # for locust.log
        line = next((f.lineno for f in reversed(traceback.extract_tb(error.__traceback__)) if f.filename == path), None)
        where = f", line {line}" if line else ""
        text = f"{type(error).__name__}: {error}"
        raise CannotUse(f"The locustfile {name} cannot be loaded{where}: {text}") from error
    return classes


def _check_hosts(name: str, classes: Sequence[type[User]]) -> None:
    for user in classes:
        if issubclass(user, (HttpUser, FastHttpUser)) and not user.host:
            raise CannotUse(
                f"{user.__name__} in {name} does not know where to send its requests.",
                "Set `host` under `load` in the experiment, or `host` in the user class.",
            )


def _check_tasks(name: str, classes: Sequence[type[User]]) -> None:
    for user in classes:
        if not user.tasks and not callable(getattr(user, "session", None)):
            raise CannotUse(
                f"{user.__name__} in {name} has nothing to do.",
                "Give it methods marked with @task, or a method `session`.",
            )
