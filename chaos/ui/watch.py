"""The live view: reads the journal four times a second, draws, and takes keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chaos.journal.read import Follow
from chaos.model.events import Event, RunStarted
from chaos.model.system import Inventory
from chaos.ui.frame import Look, frame
from chaos.ui.lines import Line, Piece, line
from chaos.ui.screen import Screen
from chaos.ui.state import State

FRAMES_PER_SECOND = 4.0
_INVENTORY_EVERY_SECONDS = 1.0
_GONE_AFTER_SECONDS = 3.0


class Source(Protocol):
    """Where events come from, and what time it is there."""

    def now(self) -> float: ...

    def poll(self) -> Sequence[Event]: ...


class Acts(Protocol):
    """What can be done about the run that is shown."""

    def is_alive(self, started: RunStarted) -> bool: ...

    def abort(self, started: RunStarted) -> None:
        """Tell it to revert everything and end. Does not wait."""
        ...


@dataclass
class Live:
    """A journal as it grows."""

    follow: Follow
    now: Callable[[], float] = time.time

    def poll(self) -> Sequence[Event]:
        return self.follow.poll()


@dataclass
class Replay:
    """A finished run again, `speed` times as fast."""

    events: Sequence[Event]
    speed: float
    monotonic: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _next: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._began = self.monotonic()

    def now(self) -> float:
        return self.events[0].at + (self.monotonic() - self._began) * self.speed if self.events else 0.0

    def poll(self) -> Sequence[Event]:
        first, now = self._next, self.now()
        while self._next < len(self.events) and self.events[self._next].at <= now:
            self._next += 1
        return self.events[first : self._next]


@dataclass
class Inventories:
    """Asks what there is every second, aside: an environment may take its time to answer, the view must not."""

    ask: Callable[[], Inventory | None]
    last: Inventory | None = None
    _stop: threading.Event = field(default_factory=threading.Event, init=False)

    def start(self) -> None:
        threading.Thread(target=self._keep_asking, name="inventory", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _keep_asking(self) -> None:
        while not self._stop.is_set():
            self.last = self.ask()
            self._stop.wait(_INVENTORY_EVERY_SECONDS)


@dataclass
class Watching:
    """A view of one run. Without `acts` (a replay) there is nothing to abort."""

    source: Source
    acts: Acts | None = None
    inventories: Inventories | None = None
    state: State = field(default_factory=State)
    aborted: bool = False
    _asking: bool = False
    _gone_since: float | None = None

    def show_on(self, screen: Screen) -> None:
        """Until somebody presses q."""
        while True:
            began = time.monotonic()
            size = screen.size()
            screen.draw(self.picture(size.columns, size.lines))
            spent = time.monotonic() - began
            if any(self.press(key) for key in screen.keys(max(0.0, 1 / FRAMES_PER_SECOND - spent))):
                return

    def picture(self, width: int, height: int) -> list[Line]:
        """What there is to see now."""
        self.state.take(self.source.poll())
        inventory = self.inventories.last if self.inventories else None
        return frame(self.state, Look(self.source.now(), width, height, inventory, self._keys()))

    def press(self, key: str) -> bool:
        """React to a key; True when the view is to end. Only y after a aborts, and any other key takes it back."""
        if key == "q":
            return True
        if self._asking and key:
            self._asking = False
            if key == "y" and self._can_abort() and self.acts and self.state.story:
                self.aborted = True
                self.acts.abort(self.state.story.started)
        elif key == "a":
            self._asking = self._can_abort()
        return False

    def _can_abort(self) -> bool:
        return self.acts is not None and self.state.story is not None and not self.state.ended and not self.aborted

    def _keys(self) -> Line:
        leave = "[q] leave"
        if self._asking:
            return line(Piece(" abort this run? everything is reverted at once: [y] yes, any other key no ", "alert"))
        still_open = sum(item.open for item in self.state.injections)
        if self.aborted and not self.state.ended:
            return line(Piece("aborting: it reverts everything   ", "fault"), leave)
        if self.state.ended and still_open:
            return line(Piece(f"{still_open} still open: `chaos rollback` tries again   ", "bad"), leave)
        if self.state.ended:
            return line(Piece("nothing is left broken   ", "good") if self.state.injections else "", leave)
        if self._process_has_gone():
            told = "the run's process has gone; its guardian reverts (`chaos rollback` if not)   "
            return line(Piece(told, "bad"), leave)
        return line("[a] abort   " if self.acts else "", leave)

    def _process_has_gone(self) -> bool:
        """For some seconds, so that a run which is just ending is not called gone."""
        story = self.state.story
        if self.acts is None or story is None or self.acts.is_alive(story.started):
            self._gone_since = None
            return False
        self._gone_since = self._gone_since or time.monotonic()
        return time.monotonic() - self._gone_since > _GONE_AFTER_SECONDS
