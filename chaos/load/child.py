"""The load generator's process: `python -m chaos.load.child JOB`, started by driver.py.

The leash is made first, before Locust patches the interpreter, so that it is held by a real thread: it works
even while a locustfile keeps the event loop busy.
"""

from __future__ import annotations

import os
import resource
import sys

import msgspec

from chaos.load.leash import Leash
from chaos.load.outbox import Outbox
from chaos.load.wire import FD_VARIABLE, Hello, Job


def main() -> int:
    job = msgspec.json.decode(sys.argv[1], type=Job)
    outbox = Outbox(int(os.environ.pop(FD_VARIABLE)))
    leash = Leash(control_fd=sys.stdin.fileno())
    leash.hold()
    _allow_many_connections()

    from chaos.load.generate import generate  # Locust is patched in here, and only in this process
    from chaos.load.locustfile import CannotUse

    try:
        generate(job, outbox, leash)
    except CannotUse as error:
        outbox.send(Hello(error.sentence, error.hint))
        outbox.flush_all()
        return 2
    return 0


def _allow_many_connections() -> None:
    """Each open session holds a few sockets; the usual soft limit of 1024 files would end at some 300 sessions."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
