"""A connection to a NATS server, for callers that block. Only this and jetstream.py import nats in the platform."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from target_platform.stores.queue.interface import QueueFailed

T = TypeVar("T")
AGAIN_SECONDS = 0.05
_PASSING = (
    nats.errors.TimeoutError,
    nats.errors.NoRespondersError,
    nats.errors.StaleConnectionError,
    nats.errors.ConnectionReconnectingError,
    nats.js.errors.NoStreamResponseError,
    nats.js.errors.ServiceUnavailableError,
)
"""What a server says, or does not, while it starts."""


class NatsLine:
    """An event loop in a thread, and in it a connection that comes back when the server does.

    A request waits for `answer_seconds`, and is sent again until `patience_seconds` are over: what a server had read
    when it died is lost. Raises QueueFailed if there is no connection within that time.
    """

    def __init__(self, url: str, patience_seconds: float, answer_seconds: float) -> None:
        self._url = url
        self._patience_seconds = patience_seconds
        self._answer_seconds = answer_seconds
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"line to {url}", daemon=True)
        self._thread.start()
        try:
            self._client: Client = self._in_loop(self._connected())
        except BaseException:
            self._end_loop()
            raise
        self.streams: JetStreamContext = self._client.jetstream(timeout=answer_seconds)

    def done(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `act` returns. It is run in the loop, where only one thing happens at a time between two `await`."""
        return self._in_loop(self._translated(act))

    async def patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """What `act` returns, which is tried again while the server cannot be reached: it must do no harm twice."""
        ends = self._loop.time() + self._patience_seconds
        while True:
            try:
                return await act()
            except _PASSING:
                if self._loop.time() > ends:
                    raise
            await asyncio.sleep(AGAIN_SECONDS)

    async def asked(self, subject: str, payload: bytes) -> Msg:
        """One request. A message of a stream comes as an answer, too, which those of the new style do not recognise."""
        return await self._client.request(subject, payload, timeout=self._answer_seconds, old_style=True)

    def close(self) -> None:
        if self._loop.is_closed():
            return
        try:
            self._in_loop(_hung_up(self._client))
        finally:
            self._end_loop()

    async def _connected(self) -> Client:
        async def ignore(error: Exception) -> None:
            """It is tried again. Who waits for an answer is told when patience ends."""

        client = Client()
        connecting = client.connect(
            self._url,
            error_cb=ignore,
            reconnect_time_wait=AGAIN_SECONDS,  # type: ignore[arg-type]  # it says int, and gives it to sleep()
            max_reconnect_attempts=-1,
        )
        try:
            await asyncio.wait_for(connecting, self._patience_seconds)
        except (TimeoutError, OSError, nats.errors.Error) as error:
            await _hung_up(client)
            raise QueueFailed(f"no NATS server answers at {self._url} within {self._patience_seconds:g} s") from error
        return client

    async def _translated(self, act: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            return await act()
        except (nats.errors.Error, OSError, TimeoutError) as error:
            what = str(error) or type(error).__name__
            raise QueueFailed(f"the NATS server at {self._url} did not do it: {what}") from error

    def _in_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            coroutine.close()
            raise QueueFailed(f"the line to {self._url} is closed")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _end_loop(self) -> None:
        async def cancel_all() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _hung_up(client: Client) -> None:
    try:
        await client.close()
    except (nats.errors.Error, OSError, AssertionError):
        pass  # there is no connection any more, which is what is wanted; or there never was one (AssertionError)
