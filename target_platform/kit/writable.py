"""Which sockets can be written to again, of those whose transports belong to somebody else.

An event loop watches a descriptor for one reader or writer, and a transport's socket is the transport's. A duplicate of
each would do, at the price of twice as many descriptors. One epoll instance of our own costs one, and the loop watches
that.
"""

from __future__ import annotations

import asyncio
import select
from contextlib import suppress


class Writable:
    """For one event loop; inside which it is to be created, and closed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._loop.add_reader(self._epoll.fileno(), self._look)

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    async def wait(self, descriptor: int, seconds: float) -> bool:
        """Whether it can be written to, has failed, or was woken; False after so many seconds. One waits at a time."""
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiting[descriptor] = future
        self._epoll.register(descriptor, select.EPOLLOUT | select.EPOLLONESHOT)
        timer = self._loop.call_later(seconds, _settle, future, False)
        try:
            return await future
        finally:
            timer.cancel()
            self._forget(descriptor, future)

    def wake(self, descriptor: int) -> None:
        """End the waiting for a descriptor that is about to be closed: its number may soon be another socket's."""
        if future := self._waiting.get(descriptor):
            self._forget(descriptor, future)
            _settle(future, True)

    def _forget(self, descriptor: int, future: asyncio.Future[bool]) -> None:
        if self._waiting.get(descriptor) is future:
            del self._waiting[descriptor]
            with suppress(OSError):  # it is closed, and then it is not watched any more
                self._epoll.unregister(descriptor)

    def _look(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            _settle(self._waiting[descriptor], True)


def _settle(future: asyncio.Future[bool], how: bool) -> None:
    if not future.done():
        future.set_result(how)
