"""A process of two threads, held by the one that started it: the kernel asks for no rights then."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from chaos.agent.standstill import Standstill, beside
from chaos.model.errors import ActionFailed

HOLD = """
import asyncio, subprocess, sys
from chaos.agent.standstill import Standstill

THREADS = "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start();"
THREADS += "print(flush=True); time.sleep(60)"

async def until(held, still):
    while held.count() != (still, 1):
        await asyncio.sleep(0.01)

async def hold(child):
    held = Standstill(lambda: [child.pid])
    await held.begin("one", 60)
    await held.begin("two", 60)
    assert held.count() == (1, 1)
    assert held.keys == ["one", "two"] and all(30 < left <= 60 for left in held.left_seconds)
    held.end("one")
    assert held.count() == (1, 1), "the other one holds it still"
    held.end("two")
    held.end("two")
    await until(held, 0)
    await held.begin("short", 0.1)
    await until(held, 0)
    assert held.keys == []
    await held.begin("at the end of its life", 60)
    child.kill()
    while held.count() != (0, 0):
        await asyncio.sleep(0.01)
    held.end_all()

child = subprocess.Popen([sys.executable, "-S", "-c", THREADS], stdout=subprocess.PIPE)
try:
    child.stdout.readline()
    asyncio.run(asyncio.wait_for(hold(child), 30))
finally:
    child.kill()
print("well")
"""


def test_all_threads_stand_still_while_somebody_holds_them() -> None:
    done = subprocess.run([sys.executable, "-c", HOLD], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "well\n", done.stderr


def test_where_no_container_is_beside_the_agent_it_says_so() -> None:
    with pytest.raises(ActionFailed, match="not put beside a container"):
        list(beside())


def test_a_lease_that_is_over_holds_nobody() -> None:
    with pytest.raises(ActionFailed, match="over already"):
        asyncio.run(Standstill(list).begin("late", 0))
