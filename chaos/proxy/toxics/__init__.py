"""Toxics: what can be done to the bytes of a stream. One file each; its name is the toxic's type in the API.

A file `slow_close.py` holds a frozen Struct `SlowClose` (a Toxic): its fields are the attributes of the API, its
`start` makes a Stage, the toxic at work on one stream. A stage has to have one method, `take`.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Protocol, cast

from msgspec import Struct

from chaos.proxy.dial import Names
from chaos.proxy.loop import Loop
from chaos.proxy.pipes import Pipes


class Ending(Enum):
    """How a stream ends: FIN, after which the other direction may go on, or RST, the end of the connection."""

    EOF = "eof"
    RESET = "reset"


Chunk = bytes | Ending
BUFFER_BYTES = 64 * 1024


class Runtime:
    """Clock, timers and randomness of a loop. Handed in, so that tests need neither time nor luck.

    `buffer` and `pipes` are shared by all streams of the loop: each needs them only while it carries something.
    """

    def __init__(self, loop: Loop, random: Random) -> None:
        self.loop = loop
        self.random = random
        self.now = loop.now
        self.later = loop.later
        self.names = Names(loop)
        self.pipes = Pipes()
        self.buffer = memoryview(bytearray(BUFFER_BYTES))


class Line(Protocol):
    """The connection a stage works on, for the few toxics that do more to it than pass bytes on, or not."""

    def abort(self) -> None:
        """Reset both ends now."""
        ...

    def close(self) -> None:
        """End both ends once they have what was written to them: they see the end of the stream."""
        ...

    def answer(self, chunk: Chunk) -> None:
        """Send something back to where this stream comes from, as the other end would."""
        ...


class Stage(ABC):
    """A toxic at work on one stream: takes chunks in order and hands them to `forward`, now or later, in order.

    The stream sets `forward` anew when the chain around this stage changes; `line` is set once, before anything comes.
    """

    forward: Callable[[Chunk], None]
    line: Line
    held_bytes: int = 0
    """What it has taken and not handed on: the stream stops reading while there is too much."""

    @abstractmethod
    def take(self, chunk: Chunk) -> None: ...

    def release(self) -> None:  # noqa: B027  optional, as is the next: a toxic that holds nothing back needs neither
        """Hand on all that is held, at once and in order; the toxic is being removed."""

    def replaced_by(self, stage: Stage) -> None:
        """The toxic was updated, and `stage` is the new one at work: by default it starts with nothing held."""
        self.release()

    def discard(self) -> None:  # noqa: B027
        """The connection is over: drop what is held and cancel timers."""


class Toxic(Protocol):
    """A frozen Struct; its attributes have defaults, if there is a harmless one."""

    def start(self, runtime: Runtime) -> Stage: ...


def toxic_types() -> tuple[str, ...]:
    """The types that exist, sorted: the file names of this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def toxic_type(name: str) -> type[Struct] | None:
    """The attributes of a type, or None when there is no such type."""
    if name not in toxic_types():
        return None
    module = importlib.import_module(f"{__name__}.{name}")
    return cast(type[Struct], getattr(module, "".join(word.capitalize() for word in name.split("_"))))
