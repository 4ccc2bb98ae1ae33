"""The packet filter's rules for what the kernel can do by itself: drop, drop at random, reset, hand over.

Each change is a table of its own, written and removed in one step. The callers are elements of a set, and the kernel
ends each by itself at the end of the lease: rules that nobody took away match nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from math import ceil

from chaos.agent.netem import Netem
from chaos.agent.orders import Begin
from chaos.model.errors import ActionFailed
from chaos.model.links import Direction, Loss, Resets, Silence

PREFIX = "steadfast_"
QUEUE_NUMBER = 57005
QUEUE_MARK = "0x57ead"
_MANGLE = "-t mangle -{} POSTROUTING -m mark --mark " + QUEUE_MARK
_QUEUE = f"-j NFQUEUE --queue-num {QUEUE_NUMBER} --queue-bypass"
"""Without an agent that reads the queue the kernel lets packets pass as if the rule were not there."""


def table_of(key: str) -> str:
    return PREFIX + hashlib.blake2b(key.encode(), digest_size=6).hexdigest()


async def write(order: Begin, rules: Iterable[str]) -> None:
    """Put a table in place of an earlier one of the same key. Raises ActionFailed with what the kernel said."""
    table = table_of(order.key)
    seconds = max(1, ceil(order.lease_seconds))
    elements = ", ".join(f"{address} timeout {seconds}s" for address in order.callers)
    await _nft(
        f"add table inet {table}\ndelete table inet {table}\ntable inet {table} {{\n"
        f"set callers {{ type ipv4_addr; flags timeout; elements = {{ {elements} }}; }}\n" + "\n".join(rules) + "\n}\n"
    )


async def remove(key: str) -> None:
    table = table_of(key)
    await _nft(f"add table inet {table}\ndelete table inet {table}\n")


async def remove_all() -> None:
    """Whatever an agent before us has left."""
    listed = (await run(["nft", "list", "tables"])).split("\n")
    ours = [line.removeprefix("table ") for line in listed if line.startswith(f"table inet {PREFIX}")]
    await _nft("".join(f"delete {'table ' + table}\n" for table in ours))
    await disconnect_queue()
    await Netem(run).close()


def kernel_rules(change: Silence | Loss | Resets, ports: tuple[int, ...]) -> list[str]:
    """The chains of a change that needs nothing but the kernel."""
    if isinstance(change, Silence):
        return [_chain(direction, f"{_between(direction, ports)} drop") for direction in change.directions]
    if isinstance(change, Loss):
        drawn = f"numgen random mod 1000000 < {round(change.share * 1e6)} drop"
        return [_chain(change.direction, f"{_between(change.direction, ports)} {drawn}")]
    return [_chain("to", used_rule(ports))]


def used_rule(ports: tuple[int, ...]) -> str:
    """Reset a connection as soon as something is sent over it, or its end; opening one is not using it."""
    return f"ip saddr @callers tcp dport {_set(ports)} tcp flags & (psh | fin) != 0 reject with tcp reset"


def queue_rules(ports: tuple[int, ...]) -> list[str]:
    """Mark what leaves for the callers, so that it is queued."""
    return [_chain("from", f"{_between('from', ports)} meta mark set {QUEUE_MARK}")]


def class_rules(ports: tuple[int, ...], late_class: str) -> list[str]:
    """Send what leaves for the callers to that class of our qdisc, "fae0:1"."""
    major, _, minor = late_class.partition(":")
    number = (int(major, 16) << 16) + int(minor, 16)  # nft reads the other form only where a blank follows
    return [_chain("from", f"{_between('from', ports)} meta priority set {number:#x}")]


def redirect_rules(ports: Mapping[int, int]) -> list[str]:
    """New connections go to other ports of ours; those from before are reset when they are used, and come again."""
    redirected = "; ".join(f"ip saddr @callers tcp dport {port} redirect to :{to}" for port, to in ports.items())
    before = f"type nat hook prerouting priority dstnat; {redirected};"
    return [f"chain handing_over {{ {before} }}", _chain("to", used_rule(tuple(ports)))]


async def connect_queue() -> None:
    # By iptables, since not every kernel has the queue among nftables' own expressions.
    await run(["iptables", *_MANGLE.format("A").split(), *_QUEUE.split()])


async def disconnect_queue() -> None:
    """Remove the rule, and the table when nothing else is in it."""
    try:
        await run(["iptables", *_MANGLE.format("D").split(), *_QUEUE.split()])
    except ActionFailed:
        return  # there is none
    left = await run(["nft", "list", "table", "ip", "mangle"])
    if not any(word in left for word in ("counter", "jump", "goto")):  # each rule of iptables counts
        await _nft("delete table ip mangle\n")


def _between(direction: Direction, ports: tuple[int, ...]) -> str:
    if direction == "to":
        return f"ip saddr @callers meta l4proto {{ tcp, udp }} th dport {_set(ports)}"
    return f"ip daddr @callers meta l4proto {{ tcp, udp }} th sport {_set(ports)}"


def _chain(direction: Direction, rule: str) -> str:
    hook = "input" if direction == "to" else "output"
    return f"chain {hook}_side {{ type filter hook {hook} priority 1; {rule}; }}"


def _set(ports: tuple[int, ...]) -> str:
    return "{ " + ", ".join(map(str, ports)) + " }"


async def _nft(text: str) -> None:
    if text:
        await run(["nft", "-f", "-"], text)


async def run(command: list[str], stdin: str = "") -> str:
    """What a command prints. Raises ActionFailed with its first words when it fails."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise ActionFailed(f"the agent's image lacks {command[0]}: {error.strerror}", took_effect="no") from error
    out, err = await process.communicate(stdin.encode())
    if process.returncode:
        said = err.decode(errors="replace").strip().splitlines()[:1] or [f"exit code {process.returncode}"]
        raise ActionFailed(f"{command[0]} failed in the pod: {said[0]}", took_effect="no")
    return out.decode()
