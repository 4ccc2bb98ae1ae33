"""What is in effect in this pod. Each change ends at its lease, when it is told to, and when the agent does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

from chaos.agent import tables
from chaos.agent.errors import ErrorProxies
from chaos.agent.orders import Begin
from chaos.agent.queue import PacketQueue
from chaos.agent.shaping import Shaper, is_shaping
from chaos.model.errors import ActionFailed
from chaos.model.links import Errors, LinkChange, Loss, Resets, Silence


@dataclass
class _Open:
    order: Begin
    change: LinkChange | Loss
    timer: asyncio.TimerHandle
    proxies: ErrorProxies = field(default_factory=ErrorProxies)


class Changes:
    """All methods may be called at any time; one acts after the other."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._acting = asyncio.Lock()
        self._shaper = Shaper(Random())
        self._queue: PacketQueue | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def keys(self) -> list[str]:
        return sorted(self._open)

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
        if is_shaping(change):
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
        if is_shaping(begun.change):
            await self._shape()
            if self._queue is not None:
                self._queue.release(begun.order.covers)

    async def _shape(self) -> None:
        """Have the queue while a change needs it."""
        self._shaper.begun = {
            key: (each.order, each.change) for key, each in self._open.items() if is_shaping(each.change)
        }
        if self._shaper.begun and self._queue is None:
            self._queue = PacketQueue(tables.QUEUE_NUMBER, self._shaper.due)
            await tables.connect_queue()
        elif self._queue is not None and not self._shaper.begun:
            await tables.disconnect_queue()
            self._queue.close()
            self._queue = None

    def _expire(self, key: str) -> None:
        task = asyncio.get_running_loop().create_task(self.end(key))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
