"""Toxics: what can be done to the bytes of a stream. One file each; its name is the toxic's type in the API.

A file `slow_close.py` holds a frozen Struct `SlowClose` (a Toxic): its fields are the attributes of the API, its
`start` makes a Stage, the toxic at work on one stream. A stage has to have one method, `take`. A toxic that has to see
both streams of a connection has `stages` instead.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import ClassVar, Protocol, Self, cast

import msgspec
from msgspec import Struct

from chaos.proxy.dial import Names
from chaos.proxy.loop import Loop
from chaos.proxy.pipes import Pipes


class Ending(Enum):
    """How a stream ends: FIN, after which the other direction may go on, or RST, the end of the connection."""

    EOF = "eof"
    RESET = "reset"


Chunk = bytes | Ending

STREAM_NAMES = ("downstream", "upstream", "both")
"""From the upstream to the client, from the client to the upstream, and either."""


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


class Stage:
    """A toxic at work on one stream: takes chunks in order and hands them to `forward`, now or later, in order.

    The stream sets `forward` anew when the chain around this stage changes; `line` is set once, before anything comes.
    """

    forward: Callable[[Chunk], None]
    line: Line
    held_bytes: int = 0
    """What it has taken and not handed on: the stream stops reading while there is too much."""

    @property
    def passes(self) -> bool:
        """Whether it would, at this moment, hand on all bytes at once and unchanged: then they need not come here."""
        return False

    @property
    def is_busy(self) -> bool:
        """In the middle of a message that it changes: a schedule waits for the end of that before it takes it away."""
        return False

    def take(self, chunk: Chunk) -> None:
        self.forward(chunk)

    def release(self) -> None:
        """Hand on all that is held, at once and in order; the toxic is being removed."""

    def discard(self) -> None:
        """The connection is over: drop what is held and cancel timers."""

    def update(self, toxic: Toxic) -> bool:
        """Go on with other attributes (`toxic` is of the type that made this) and with all that is held and counted.

        False when this stage cannot: then it is released, and a new one takes its place.
        """
        return False


class Toxic(Struct, frozen=True):
    """A type of toxic with its attributes: these have defaults, if there is a harmless one."""

    STREAMS: ClassVar[tuple[str, ...]] = STREAM_NAMES
    """The streams it can be on; the first is the one it is on when none is named."""
    PROTOCOLS: ClassVar[tuple[str, ...]] = ("tcp",)
    """Of the proxies that it can be on."""
    MAGNITUDES: ClassVar[tuple[str, ...]] = ()
    """The attributes that say how much it does, in proportion: a ramp lets these grow from nothing."""
    OURS: ClassVar[tuple[str, ...]] = ()
    """Attributes that Toxiproxy's type of this name lacks: they are shown only when they are not at their defaults."""

    def start(self, runtime: Runtime) -> Stage:
        """At work on one stream."""
        return Stage()

    def stages(self, runtime: Runtime, stream: str) -> dict[str, Stage]:
        """At work on one connection: a stage for each direction that it `touches`."""
        return {each: self.start(runtime) for each in self.touches(stream)}

    def touches(self, stream: str) -> tuple[str, ...]:
        """The directions that it acts on or has to watch."""
        return ("upstream", "downstream") if stream == "both" else (stream,)

    def shown(self) -> dict[str, object]:
        """The attributes as the API shows them."""
        defaults = dict(zip(self.__struct_fields__[::-1], self.__struct_defaults__[::-1], strict=False))
        values = msgspec.structs.asdict(self)
        return {name: it for name, it in values.items() if name not in self.OURS or it != defaults.get(name)}

    def scaled(self, share: float) -> Self:
        """The same with `share` (above 0, at most 1) of its magnitude."""
        values = {name: getattr(self, name) for name in self.MAGNITUDES}
        smaller = {name: round(it * share) if isinstance(it, int) else it * share for name, it in values.items()}
        return msgspec.structs.replace(self, **smaller)


def toxic_types() -> tuple[str, ...]:
    """The types that exist, sorted: the file names of this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def toxic_type(name: str) -> type[Toxic] | None:
    """The attributes of a type, or None when there is no such type."""
    if name not in toxic_types():
        return None
    module = importlib.import_module(f"{__name__}.{name}")
    return cast(type[Toxic], getattr(module, "".join(word.capitalize() for word in name.split("_"))))
