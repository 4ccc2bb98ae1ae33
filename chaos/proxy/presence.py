"""A toxic that is not on its connection all the time: by its schedule, or only once the TLS name is known."""

from __future__ import annotations

import time
from collections.abc import Callable

from chaos.proxy.client_hello import Unread, matches, server_name
from chaos.proxy.loop import Timer
from chaos.proxy.schedule import Schedule
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic

_SHORTEST_WAIT_MS = 0.1
"""Less would be lost in rounding, and the clock would have to be asked again and again."""

_BUSY_SECONDS = 0.005
"""After that it looks again whether a message that is being changed has come to its end."""

WallClock = Callable[[], float]


class Presence:
    """One toxic on one connection. `slots` are its stages there, by stream, for as long as the toxic exists.

    `since` is the epoch second from which the schedule counts: every connection sees it come and go at the same time.
    """

    def __init__(self, toxic: Toxic, stream: str, runtime: Runtime, wall: WallClock = time.time) -> None:
        self.slots: dict[str, Slot] = {each: Slot(self.update, self._stop) for each in toxic.touches(stream)}
        self._toxic = toxic
        self._stream = stream
        self._runtime = runtime
        self._wall = wall
        self._schedule = Schedule()
        self._since = 0.0
        self._share = 0.0
        self._timer: Timer | None = None

    def begin(self, schedule: Schedule, since: float) -> None:
        """Be there from now on, whenever the schedule says so."""
        self._schedule, self._since = schedule, since
        self._turn()

    def begin_when_named(self, names: tuple[str, ...], begin: Callable[[], None]) -> None:
        """Begin when the client asks for one of these servers, and never when it asks for another or for none."""
        self.slots["upstream"] = _Listener(self.update, self._stop, names, begin)

    def update(self, toxic: Toxic) -> bool:
        """Go on with other attributes, now or when it is there again."""
        if toxic is not self._toxic:
            self._toxic = toxic
            share, self._share = self._share, 0.0
            self._set(share, keep=share > 0)
        return True

    def _turn(self) -> None:
        since_ms = (self._wall() - self._since) * 1000
        share = self._schedule.share(since_ms)
        if share == 0 and any(slot.is_busy for slot in self.slots.values()):
            self._timer = self._runtime.later(_BUSY_SECONDS, self._turn)
            return
        if share != self._share:
            self._set(share, keep=self._share > 0)
        wait_ms = self._schedule.next_change_ms(since_ms)
        self._timer = (
            None if wait_ms is None else self._runtime.later(max(wait_ms, _SHORTEST_WAIT_MS) / 1000, self._turn)
        )

    def _set(self, share: float, keep: bool) -> None:
        """`keep`: there are stages that may be able to go on with another magnitude."""
        self._share = share
        toxic = self._toxic if share in (0.0, 1.0) else self._toxic.scaled(share)
        used = [slot for slot in self.slots.values() if slot.is_used]
        if share and keep and all(slot.update_stage(toxic) for slot in used):
            return
        stages = toxic.stages(self._runtime, self._stream) if share else {}
        for stream, slot in self.slots.items():
            slot.put(stages.get(stream))

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Slot(Stage):
    """A place in a stream: passes all, or has a stage in it, which it stands around: its stream and its line."""

    def __init__(self, update: Callable[[Toxic], bool], stop: Callable[[], None]) -> None:
        self._stage: Stage | None = None
        self._update = update
        self._stop = stop

    @property
    def held_bytes(self) -> int:  # type: ignore[override]  # the stream only reads it
        return self._stage.held_bytes if self._stage is not None else 0

    @property
    def is_busy(self) -> bool:
        return self._stage is not None and self._stage.is_busy

    @property
    def is_used(self) -> bool:
        return self._stage is not None

    def put(self, stage: Stage | None) -> None:
        """Take out the stage that is there, which hands on what it held, and put this one in."""
        before, self._stage = self._stage, None
        if before is not None:
            before.release()
        if stage is not None:
            stage.forward = self._pass
            stage.line = self
            self._stage = stage

    def update_stage(self, toxic: Toxic) -> bool:
        return self._stage is not None and self._stage.update(toxic)

    def update(self, toxic: Toxic) -> bool:
        return self._update(toxic)

    def take(self, chunk: Chunk) -> None:
        if self._stage is None:
            self.forward(chunk)
        else:
            self._stage.take(chunk)

    def release(self) -> None:
        self._stop()
        self.put(None)

    def discard(self) -> None:
        self._stop()
        if self._stage is not None:
            self._stage.discard()

    # The line of the stage in it: this slot's own is set only after the first stage has been put in.
    def abort(self) -> None:
        self.line.abort()

    def close(self) -> None:
        self.line.close()

    def answer(self, chunk: Chunk) -> None:
        self.line.answer(chunk)

    def _pass(self, chunk: Chunk) -> None:
        self.forward(chunk)


class _Listener(Slot):
    """The slot of the upstream: holds the first message of the client until it can tell which server it names."""

    def __init__(
        self,
        update: Callable[[Toxic], bool],
        stop: Callable[[], None],
        names: tuple[str, ...],
        begin: Callable[[], None],
    ) -> None:
        super().__init__(update, stop)
        self._names = names
        self._begin: Callable[[], None] | None = begin
        self._heard = b""

    @property
    def held_bytes(self) -> int:  # type: ignore[override]  # the stream only reads it
        return len(self._heard) + (self._stage.held_bytes if self._stage is not None else 0)

    def take(self, chunk: Chunk) -> None:
        if self._begin is None:
            super().take(chunk)
            return
        name: str | Unread = Unread.NONE
        if isinstance(chunk, bytes):
            self._heard += chunk
            name = server_name(self._heard)
        if name is Unread.INCOMPLETE:
            return
        if isinstance(name, str) and matches(name, self._names):
            self._begin()
        self._hand_on_what_was_heard()
        if not isinstance(chunk, bytes):
            super().take(chunk)

    def release(self) -> None:
        self._hand_on_what_was_heard()
        super().release()

    def _hand_on_what_was_heard(self) -> None:
        heard, self._heard = self._heard, b""
        self._begin = None
        if heard:
            super().take(heard)
