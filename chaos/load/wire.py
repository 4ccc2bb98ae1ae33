"""What the driver and its child say to each other.

The child is given one Job as its argument. It answers with one Hello line, waits to be told when load begins, and
then writes a LoadReport line each second on the descriptor that CHAOS_LOAD_FD names. Its standard input is its leash:
the line "begin TIME" says when (monotonic seconds, which all processes of a machine share), "stop" asks it to drain
and end, and the end of the stream means that the run is gone.
"""

from __future__ import annotations

from msgspec import Struct

from chaos.model.experiment import Stretch

FD_VARIABLE = "CHAOS_LOAD_FD"
BEGIN = b"begin"
STOP = b"stop"


class Part(Struct, frozen=True):
    """Which part of the load is a child's: of `workers` it is number `worker`, counted from 0."""

    worker: int = 0
    workers: int = 1

    def of(self, users: int) -> int:
        """How many of so many users are its own; over all workers they add up."""
        return (users + self.workers - 1 - self.worker) // self.workers

    def has(self, session: int) -> bool:
        """Whether it makes this session of the open loop: they take turns, so nothing depends on who makes it."""
        return session % self.workers == self.worker


class Job(Struct, frozen=True, kw_only=True):
    """What the child is to do. `name` is what the experiment calls the locustfile, `locustfile` its absolute path.

    Exactly one of `arrivals_per_second` and `users` is set, as in chaos.model.experiment.Load.
    """

    name: str
    locustfile: str
    seed: int
    drain_seconds: float
    arrivals_per_second: float | None = None
    users: int | None = None
    shape: tuple[Stretch, ...] = ()
    part: Part = Part()
    host: str = ""


class Hello(Struct, frozen=True):
    """The child's first line: an empty `refused` means that it can begin, else it says why there will be no load."""

    refused: str = ""
    hint: str = ""
