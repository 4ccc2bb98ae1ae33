"""What the agent asks of the kernel for a delay, and that it leaves it to the queue where the kernel has no netem.

The commands are recorded: kernels without netem are what these tests must run on as well.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from chaos.agent import tables
from chaos.agent.netem import Netem
from chaos.model.errors import ActionFailed
from chaos.model.links import Delay, Silence

ROUTES = "Iface\tDestination\tGateway\nnet0\t0000F10A\t00000000\neth0\t00000000\t0100F10A\n"


class Kernel:
    """Answers as tc would; `lacks` are words of commands that fail."""

    def __init__(self, *lacks: str) -> None:
        self.lacks = lacks
        self.told: list[str] = []
        self.is_ours = False

    async def run(self, command: list[str]) -> str:
        text = " ".join(command)
        if any(word in command for word in self.lacks):
            raise ActionFailed("tc failed in the pod: Error: Specified qdisc kind is unknown.", took_effect="no")
        if "show" in command:
            return "qdisc htb fae0: root refcnt 2" if self.is_ours else "qdisc noqueue 0: root refcnt 2"
        self.told.append(text)
        if "root" in command:
            self.is_ours = "add" in command
        return ""


def netem(tmp_path: Path, kernel: Kernel) -> Netem:
    routes = tmp_path / "route"
    routes.write_text(ROUTES)
    return Netem(kernel.run, routes)


def test_each_delay_is_a_class_of_its_own_on_the_device_that_leads_out(tmp_path: Path) -> None:
    kernel = Kernel()
    made = netem(tmp_path, kernel)

    async def story() -> list[str]:
        classes = [await made.begin(Delay(delay_ms=100)), await made.begin(Delay(delay_ms=2.5))]
        await made.close()
        return [*classes, await made.begin(Delay(delay_ms=30))]

    assert asyncio.run(story()) == ["fae0:1", "fae0:2", "fae0:1"]
    assert kernel.told == [
        "tc qdisc add dev eth0 root handle fae0: htb",
        "tc class replace dev eth0 parent fae0: classid fae0:1 htb rate 10gbit",
        "tc qdisc add dev eth0 parent fae0:1 netem limit 65536 delay 100ms",
        "tc class replace dev eth0 parent fae0: classid fae0:2 htb rate 10gbit",
        "tc qdisc add dev eth0 parent fae0:2 netem limit 65536 delay 2.5ms",
        "tc qdisc del dev eth0 root handle fae0:",
        "tc qdisc add dev eth0 root handle fae0: htb",
        "tc class replace dev eth0 parent fae0: classid fae0:1 htb rate 10gbit",
        "tc qdisc add dev eth0 parent fae0:1 netem limit 65536 delay 30ms",
    ]


def test_a_kernel_without_netem_is_asked_once_and_nothing_of_ours_stays_there(tmp_path: Path) -> None:
    kernel = Kernel("netem")
    made = netem(tmp_path, kernel)

    async def story() -> list[str]:
        return [await made.begin(Delay(delay_ms=100)), await made.begin(Delay(delay_ms=100))]

    assert asyncio.run(story()) == ["", ""], "the queue does it"
    assert kernel.told == [
        "tc qdisc add dev eth0 root handle fae0: htb",
        "tc class replace dev eth0 parent fae0: classid fae0:1 htb rate 10gbit",
        "tc qdisc del dev eth0 root handle fae0:",
    ]


def test_a_qdisc_of_somebody_else_and_a_missing_tc_are_left_as_they_are(tmp_path: Path) -> None:
    for lacks in ("add", "tc"):
        kernel = Kernel(lacks)
        assert asyncio.run(netem(tmp_path, kernel).begin(Delay(delay_ms=100))) == ""
        assert kernel.told == []


def test_what_varies_and_what_is_no_delay_is_not_netems(tmp_path: Path) -> None:
    kernel = Kernel()
    made = netem(tmp_path, kernel)
    assert asyncio.run(made.begin(Delay(delay_ms=100, jitter_ms=10))) == "", "the order of packets would change"
    assert asyncio.run(made.begin(Silence())) == ""
    assert kernel.told == []


def test_only_what_leaves_for_a_caller_gets_the_class() -> None:
    [chain] = tables.class_rules((8080,), "fae0:a")
    assert "hook output" in chain
    assert "ip daddr @callers meta l4proto { tcp, udp } th sport { 8080 } meta priority set 0xfae0000a;" in chain
