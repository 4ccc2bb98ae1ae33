"""What is in effect in this pod. Each change ends at its lease, when it is told to, and when the agent does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from random import Random

from chaos.agent import tables
from chaos.agent.errors import ErrorProxies
from chaos.agent.netem import Netem
from chaos.agent.orders import Begin
from chaos.agent.queue import PacketQueue
from chaos.agent.shaping import Shaper, is_shaping
from chaos.model.errors import ActionFailed
from chaos.model.links import Delay, Errors, LinkChange, Loss, Resets, Silence


@dataclass
class _Open:
    order: Begin
    change: LinkChange | Loss
    timer: asyncio.TimerHandle
    proxies: ErrorProxies = field(default_factory=ErrorProxies)
    late_class: str = ""

    @property
    def is_queued(self) -> bool:
        return is_shaping(self.change) and not self.late_class


class Changes:
    """All methods may be called at any time; one acts after the other."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._acting = asyncio.Lock()
        self._shaper = Shaper(Random())
        self._queue: PacketQueue | None = None
        self._netem = Netem(tables.run)
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def keys(self) -> list[str]:
        return sorted(self._open)

    @property
    def left_seconds(self) -> list[float]:
        """Until the lease of each of `keys` ends."""
        now = asyncio.get_running_loop().time()
        return [max(0.0, self._open[key].timer.when() - now) for key in self.keys]

    async def begin(self, order: Begin) -> None:
        """Raises ActionFailed when the kernel does not do it; then nothing of it is left."""
        async with self._acting:
            await self._end(order.key)
            if order.lease_seconds <= 0:
                raise ActionFailed("its lease is over already", took_effect="no")
            timer = asyncio.get_running_loop().call_later(order.lease_seconds, self._expire, order.key)
            self._open[order.key] = begun = _Open(order, order.change, timer)
            try:
                await self._apply(begun)
            except BaseException:
                await self._end(order.key)
                raise

    async def end(self, key: str) -> None:
        async with self._acting:
            await self._end(key)

    async def end_all(self) -> None:
        for key in self.keys:
            await self.end(key)

    async def _apply(self, begun: _Open) -> None:
        order, change = begun.order, begun.change
        if self._is_alone(begun):
            begun.late_class = await self._netem.begin(change)
        if begun.late_class:
            await tables.write(order, tables.class_rules(order.ports, begun.late_class))
        elif begun.is_queued:
            await self._shape()
            await tables.write(order, tables.queue_rules(order.ports))
        elif isinstance(change, Errors):
            begun.proxies.open(order.ports, change)
            await tables.write(order, tables.redirect_rules(begun.proxies.ports))
        elif isinstance(change, Silence | Loss | Resets):
            await tables.write(order, tables.kernel_rules(change, order.ports))

    async def _end(self, key: str) -> None:
        begun = self._open.pop(key, None)
        if begun is None:
            return
        begun.timer.cancel()
        begun.proxies.close()
        await tables.remove(key)
        if begun.late_class:
            self._close_netem_later(begun.change)
        elif begun.is_queued:
            await self._shape()
            if self._queue is not None:
                self._queue.release(begun.order.covers)

    def _is_alone(self, begun: _Open) -> bool:
        """A packet has one class only: a second delay for the same packets is the queue's, and comes on top."""
        others = (each.order for each in self._open.values() if each.late_class)
        ours = begun.order
        return not any({*ours.callers} & {*each.callers} and {*ours.ports} & {*each.ports} for each in others)

    def _close_netem_later(self, change: LinkChange | Loss) -> None:
        """What waits in it when it is taken off would be lost."""
        longest = change.delay_ms / 1000 if isinstance(change, Delay) else 0.0

        async def close() -> None:
            await asyncio.sleep(longest + 1)
            async with self._acting:
                if not any(each.late_class for each in self._open.values()):
                    await self._netem.close()

        self._start(close())

    async def _shape(self) -> None:
        """Have the queue while a change needs it."""
        self._shaper.begun = {key: (each.order, each.change) for key, each in self._open.items() if each.is_queued}
        if self._shaper.begun and self._queue is None:
            self._queue = PacketQueue(tables.QUEUE_NUMBER, self._shaper.due)
            await tables.connect_queue()
        elif self._queue is not None and not self._shaper.begun:
            await tables.disconnect_queue()
            self._queue.close()
            self._queue = None

    def _expire(self, key: str) -> None:
        self._start(self.end(key))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
