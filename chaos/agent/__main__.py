"""`python -m chaos.agent`: listen for orders until told to stop, or until nobody has said anything for a while.

With `processes` it is one that holds processes and touches no network, which needs other rights.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

import msgspec

from chaos import knocking
from chaos.agent import connecting, tables
from chaos.agent.changes import Changes
from chaos.agent.orders import SOCKET, Answer, Begin, Connect, Count, End, Get, KnockAt, Look, Order, Stand
from chaos.agent.standstill import Standstill
from chaos.model.errors import ChaosError

IDLE_SECONDS = 60.0
_LONGEST_LINE = 16 * 1024 * 1024


def main() -> int:
    """0 when nothing is left in effect. 1, after a sentence on stderr, when the kernel does not let us work."""
    try:
        asyncio.run(_serve(changes_network="processes" not in sys.argv[1:]))
    except ChaosError as error:
        print(f"agent: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(changes_network: bool) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    if changes_network:
        await tables.remove_all()
    agent = Agent()
    with suppress(FileNotFoundError):
        os.unlink(SOCKET)
    server = await asyncio.start_unix_server(agent.converse, SOCKET, limit=_LONGEST_LINE)
    try:
        while not stopped.is_set() and not agent.is_idle:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), 1)
    finally:
        server.close()
        agent.standstill.end_all()
        await agent.changes.end_all()
        if changes_network:
            await tables.remove_all()


class Agent:
    """Carries out orders, several conversations side by side."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.standstill = Standstill()
        self._talks = 0
        self._quiet_since = asyncio.get_running_loop().time()

    @property
    def is_idle(self) -> bool:
        """Nothing is in effect, and nobody has said anything for a minute."""
        busy = self._talks or self.changes.keys or self.standstill.keys
        return not busy and asyncio.get_running_loop().time() - self._quiet_since > IDLE_SECONDS

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One line of orders, one line of answers."""
        self._talks += 1
        try:
            orders = msgspec.json.decode(await reader.readline(), type=list[Order])
            answers = await asyncio.gather(*map(self._answer, orders))
            writer.write(msgspec.json.encode(answers) + b"\n")
            await writer.drain()
        except (msgspec.DecodeError, ConnectionError) as error:
            print(f"agent: a conversation failed: {error}", file=sys.stderr)
        finally:
            writer.close()
            self._talks -= 1
            self._quiet_since = asyncio.get_running_loop().time()

    async def _answer(self, order: Order) -> Answer:
        try:
            return await self._do(order)
        except ChaosError as error:
            return Answer(error=error.message)

    async def _do(self, order: Order) -> Answer:
        if isinstance(order, Begin):
            await self.changes.begin(order)
        elif isinstance(order, End):
            self.standstill.end(order.key)
            await self.changes.end(order.key)
        elif isinstance(order, KnockAt):
            return Answer(reactions=await knocking.reactions(order.addresses, order.patience_ms))
        elif isinstance(order, Connect):
            return Answer(took_ms=await connecting.connect(order.address, order.times, order.patience_ms))
        elif isinstance(order, Get):
            return Answer(heard=await connecting.get(order))
        elif isinstance(order, Stand):
            await self.standstill.begin(order.key, order.lease_seconds)
        elif isinstance(order, Count):
            return Answer(standing=self.standstill.count())
        else:
            assert isinstance(order, Look), "Order has no further member"
        held, changed = self.standstill, self.changes
        return Answer(keys=[*held.keys, *changed.keys], left_seconds=[*held.left_seconds, *changed.left_seconds])


if __name__ == "__main__":
    sys.exit(main())
