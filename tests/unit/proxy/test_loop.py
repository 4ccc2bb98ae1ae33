"""The loop that carries bytes: who gets a turn, and when."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from chaos.proxy.loop import READABLE, Loop

CROWD = 100


class Noting:
    """A loop that runs until as many things have happened as are to; they are noted in order."""

    def __init__(self, things: int) -> None:
        self.loop = Loop()
        self.happened: list[str] = []
        self._things = things

    def note(self, what: str) -> None:
        self.happened.append(what)
        if len(self.happened) == self._things:
            self.loop.stop()

    @contextmanager
    def event(self) -> Iterator[int]:
        """Something readable once it is written to; that is noted, once."""
        fd = os.eventfd(0)

        def served(events: int) -> None:
            self.loop.forget(fd)
            self.note("event")

        self.loop.watch(fd, READABLE, served)
        yield fd
        os.close(fd)

    def run(self) -> list[str]:
        self.loop.later(10, self.loop.stop)
        self.loop.run()
        return self.happened


def test_what_comes_while_a_crowd_of_timers_rings_is_served_before_the_last_of_them() -> None:
    noting = Noting(CROWD + 1)
    with noting.event() as fd:
        noting.loop.later(0, lambda: os.eventfd_write(fd, 1))
        for _ in range(CROWD):
            noting.loop.later(0, lambda: noting.note("timer"))
        happened = noting.run()
    assert sorted(happened) == ["event", *["timer"] * CROWD]
    assert happened.index("event") < CROWD // 2


def test_a_timer_rings_before_the_last_of_a_crowd_of_sockets_is_served() -> None:
    noting = Noting(CROWD + 1)
    with ExitStack() as stack:
        for _ in range(CROWD):
            os.eventfd_write(stack.enter_context(noting.event()), 1)
        noting.loop.later(0, lambda: noting.note("timer"))
        happened = noting.run()
    assert sorted(happened) == [*["event"] * CROWD, "timer"]
    assert happened.index("timer") < CROWD // 2


def test_it_waits_for_less_than_a_millisecond_in_a_process_with_very_many_open_files() -> None:
    with a_thousand_open_files():
        noting = Noting(2)
        noting.loop.later(0.0005, lambda: noting.note("soon"))
        noting.loop.later(0.0025, lambda: noting.note("later"))
        assert noting.run() == ["soon", "later"]


@contextmanager
def a_thousand_open_files() -> Iterator[None]:
    """So many that `select` takes no further one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 2048), hard), hard))
    opened = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while opened[-1] < 1024:
            opened.append(os.dup(opened[0]))
        yield
    finally:
        for fd in opened:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
