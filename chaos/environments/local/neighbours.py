"""A busy process inside an instance's control group: it wants all the CPU that the limit leaves.

It is nobody's child and nobody has to remember it: it ends when it finds itself moved out of the group, which is how
a group is emptied, when the group is gone before it came in, and in any case when the lease is over.
"""

from __future__ import annotations

import sys

from chaos.model.capabilities import Means
from chaos.model.errors import ActionFailed

PATIENCE_SECONDS = 10.0
_BUSY = """
import os, sys, time
group, until = sys.argv[1], float(sys.argv[2])
if os.fork():
    os._exit(0)
os.setsid()
with open(group + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
own = "/" + os.path.basename(group)
inside = True
while inside and time.time() < until:
    for _ in range(2000):
        pass
    with open("/proc/self/cgroup") as file:
        inside = any(line.rstrip().endswith(own) for line in file)
os._exit(0)
"""


def start_busy(means: Means, until: float) -> None:
    """Returns before it burns: it must not be waited for under the limit that it is to feel. Raises ActionFailed."""
    import subprocess  # 10 ms, needed only here

    command = [sys.executable, "-I", "-S", "-c", _BUSY, str(means["group"]), str(until)]
    nothing = subprocess.DEVNULL
    try:
        subprocess.run(
            command, stdin=nothing, stdout=nothing, stderr=nothing, check=True, timeout=PATIENCE_SECONDS, cwd="/"
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ActionFailed(f"no busy process could be started beside the instance: {error}") from error
