"""What the driver and its child say to each other.

The child is given one Job as its argument. It answers with one Hello line and then a LoadReport line each second on
the descriptor that CHAOS_LOAD_FD names. Its standard input is its leash: the line "stop" asks it to drain and end,
and the end of the stream means that the run is gone.
"""

from __future__ import annotations

from msgspec import Struct

FD_VARIABLE = "CHAOS_LOAD_FD"
STOP = b"stop\n"


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
    host: str = ""


class Hello(Struct, frozen=True):
    """The child's first line: an empty `refused` means that load begins now; otherwise it says why there is none."""

    refused: str = ""
    hint: str = ""
