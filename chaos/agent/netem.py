"""Delays that the kernel makes by itself (tc-netem(8)), where it can; whether it can is found out by trying.

The device that leads out of the pod gets a root qdisc of ours (tc-htb(8), which lets everything pass at once), in which
each delay is a class with a netem. Packets are sent there by their priority, which the packet filter sets to the class
for those that leave for a caller. So the packet filter's sets, which the kernel ends at the lease, decide here too:
without them nothing is late.

A delay that varies is left to the queue: netem would change the order of packets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from chaos.model.errors import ActionFailed
from chaos.model.links import Delay, LinkChange, Loss

Run = Callable[[list[str]], Awaitable[str]]
HANDLE = "fae0:"
_NO_LIMIT = "10gbit"
_LONGEST_QUEUE = "65536"
_ROUTES = Path("/proc/net/route")


class Netem:
    """`run` runs a command and raises ActionFailed when that fails. Not safe to use from two tasks at once."""

    def __init__(self, run: Run, routes: Path = _ROUTES) -> None:
        self._run = run
        self._routes = routes
        self._device = ""
        self._classes = 0
        self._is_lacking = False

    async def begin(self, change: LinkChange | Loss) -> str:
        """The class for packets that are to be late, e.g. "fae0:1"; empty when the kernel does not do it.

        Nothing is late before packets are given that class.
        """
        if self._is_lacking or not isinstance(change, Delay) or change.jitter_ms:
            return ""
        try:
            self._device = self._device or await self._root()
            late_class = await self._late_class(change.delay_ms)
        except ActionFailed:  # the kernel has no netem, somebody else's qdisc is there, or the image has no tc
            self._is_lacking = not self._classes
            if self._is_lacking:
                await self.close()
            return ""
        self._classes += 1
        return late_class

    async def close(self) -> None:
        """Take our qdisc off. What still waits there is lost, so nothing should."""
        self._device, self._classes = "", 0
        device = self._way_out()
        try:
            if f" {HANDLE} root" in await self._run(["tc", "qdisc", "show", "dev", device]):
                await self._run(["tc", "qdisc", "del", "dev", device, "root", "handle", HANDLE])
        except ActionFailed:
            pass  # no tc, so nothing of ours either; or it is gone

    async def _root(self) -> str:
        device = self._way_out()
        await self._run(["tc", "qdisc", "add", "dev", device, "root", "handle", HANDLE, "htb"])
        return device

    async def _late_class(self, delay_ms: float) -> str:
        late_class = f"{HANDLE}{self._classes + 1:x}"
        device = ["dev", self._device]
        await self._run(
            ["tc", "class", "replace", *device, "parent", HANDLE, "classid", late_class, "htb", "rate", _NO_LIMIT]
        )
        late = ["netem", "limit", _LONGEST_QUEUE, "delay", f"{delay_ms:g}ms"]
        await self._run(["tc", "qdisc", "add", *device, "parent", late_class, *late])
        return late_class

    def _way_out(self) -> str:
        """The device of the default route (proc_net(5)); loopback, over which no caller comes, when there is none."""
        for line in self._routes.read_text().splitlines()[1:]:
            device, destination, *_ = line.split()
            if int(destination, 16) == 0:
                return device
        return "lo"
