"""A clock and timers of the test's own, and a toxic at work on a stream and a connection that only take notes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import cast

from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class Timer:
    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due, self.call, self.cancelled = due, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Time:
    """Stands in for the event loop's clock and timers."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self._now = 100.0
        self._timers: list[Timer] = []

    def now(self) -> float:
        return self._now

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self._timers.append(timer := Timer(self._now + seconds, call))
        return timer

    def pass_ms(self, ms: float) -> None:
        until = self._now + ms / 1000
        while due := sorted((t for t in self._timers if not t.cancelled and t.due <= until), key=lambda t: t.due):
            self._timers.remove(due[0])
            self._now = max(self._now, due[0].due)
            due[0].call()
        self._now = until

    def jump_ms(self, ms: float) -> None:
        """As `pass_ms` on a busy machine: what has become due rings only at the end."""
        self._now += ms / 1000
        self.pass_ms(0)


class Line:
    """What a stage did to its connection, in order."""

    def __init__(self) -> None:
        self.done: list[Chunk | str] = []

    def abort(self) -> None:
        self.done.append("abort")

    def close(self) -> None:
        self.done.append("close")

    def answer(self, chunk: Chunk) -> None:
        self.done.append(chunk)


def on(toxic: Toxic, time: Time, line: Line | None = None) -> tuple[Stage, list[Chunk]]:
    """The stage of a toxic, and what has passed it."""
    stage = toxic.start(cast(Runtime, time))
    return stage, watched(stage, line)


def watched(stage: Stage, line: Line | None = None) -> list[Chunk]:
    """What passes this stage from now on."""
    passed: list[Chunk] = []
    stage.forward = passed.append
    stage.line = line or Line()
    return passed
