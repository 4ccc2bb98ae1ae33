"""Connections to a destination, opened and timed, and requests over them."""

from __future__ import annotations

import asyncio
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

from chaos import knocking
from chaos.agent.orders import Get
from chaos.model.links import Heard

_AT_ONCE = 100
_GETS_AT_ONCE = 8
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def connect(address: str, times: int, patience_ms: float) -> list[float | None]:
    """How many ms each took, None for one that had no answer; a refusal is one.

    Within a second the kernel sends a single packet for each: one that is not answered is one packet lost.
    """
    host, _, port = address.rpartition(":")
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one() -> float | None:
        async with turn:
            return await _connect((host, int(port)), patience_ms / 1000)

    return list(await asyncio.gather(*(one() for _ in range(times))))


async def get(order: Get) -> list[Heard]:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(min(_GETS_AT_ONCE, order.times)) as pool:
        asked = [
            loop.run_in_executor(pool, knocking.ask, order.address, order.path, order.patience_ms)
            for _ in range(order.times)
        ]
        return list(await asyncio.gather(*asked))


async def _connect(address: tuple[str, int], patience: float) -> float | None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)  # leaves nothing behind at the other end
        began = loop.time()
        try:
            async with asyncio.timeout(patience):
                await loop.sock_connect(made, address)
        except TimeoutError:
            return None
        except ConnectionError:
            pass  # an answer, too
        except OSError:
            return None
        return (loop.time() - began) * 1000
