"""Whether a limit bites, found by running into it: a short-lived process of ours inside the instance's control group.

It enters the group by itself, tries, and goes back out before it ends, so that its own end is not held up by the limit.
The kernel is told to take it first if memory runs out (oom_score_adj).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from chaos.model.capabilities import Means
from chaos.model.errors import ActionFailed

if TYPE_CHECKING:
    from subprocess import CompletedProcess

PATIENCE_SECONDS = 20.0
_BEYOND_BYTES = 2**20
_ENTER = """
import os, sys, time
group, home = sys.argv[1:3]
amount = float(sys.argv[3])
def go(where):
    with open(where + "/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
def end(code):
    go(home)
    os._exit(code)
"""
_BURN = """
go(group)
began, used = time.monotonic(), time.process_time()
while time.monotonic() - began < amount:
    pass
share = (time.process_time() - used) / (time.monotonic() - began)
go(home)
print(share, flush=True)
os._exit(0)
"""
_TAKE = """
with open("/proc/self/oom_score_adj", "w") as file:
    file.write("1000")
go(group)
try:
    taken = b"x" * int(amount)
except MemoryError:
    end(9)
end(0)
"""
_FORK = """
reading, writing = os.pipe()
go(group)
for _ in range(int(amount)):
    try:
        child = os.fork()
    except BlockingIOError:
        end(9)
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
end(0)
"""


def cpu_had_share(means: Means, seconds: float = 0.25) -> float:
    """What a process that wants all CPU gets of one core."""
    return float(_run(means, _BURN, seconds).stdout)


def memory_refused(means: Means, more_bytes: int) -> bool:
    """Whether a process that takes more than this is killed, or told that there is none."""
    return _run(means, _TAKE, more_bytes + _BEYOND_BYTES).returncode in (9, -9)


def fork_refused(means: Means, more: int) -> bool:
    """Whether one process more than this is refused; the one that tries counts."""
    return _run(means, _FORK, more).returncode == 9 if more else _run(means, _FORK, 1).returncode == 9


def _run(means: Means, code: str, amount: float) -> CompletedProcess[str]:
    import subprocess  # 10 ms, needed only by who tries

    command = [sys.executable, "-I", "-S", "-c", _ENTER + code, str(means["group"]), str(means["home"]), str(amount)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ActionFailed(f"a trial in {means['group']} did not end within {PATIENCE_SECONDS:g} s") from error
    if done.returncode not in (0, 9, -9):
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ActionFailed(f"a trial in {means['group']} failed: {last[0]}")
    return done
