"""The room as a terminal, or as a pipe: questions, pauses, and notes typed meanwhile."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO


@dataclass
class Console:
    """Reads lines from a file descriptor. With `asks` false nobody is asked and nothing waits for Enter.

    At the end of input nobody answers any more: a question is answered with no, and only timed pauses still wait.
    """

    descriptor: int
    out: TextIO
    asks: bool = True
    monotonic: Callable[[], float] = time.monotonic
    _rest: bytes = field(default=b"", init=False)
    _ended: bool = field(default=False, init=False)

    def say(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()

    def agrees(self, question: str) -> bool:
        if not self.asks:
            return True
        self.out.write(f"\n{question} [y/N] ")
        self.out.flush()
        answer = self._line(None)
        if answer is None:
            self.say("nobody answers (--yes runs without asking)")
        return answer is not None and answer.lower() in ("y", "yes")

    def pause(self, seconds: float | None, on_note: Callable[[str], None]) -> None:
        if seconds is None and not self.asks:
            return
        until = None if seconds is None else self.monotonic() + seconds
        length = "" if seconds is None else f" of {seconds:g} s"
        self.say(f"\npause{length}: what you type is kept as a note, Enter on an empty line goes on")
        while True:
            left = None if until is None else until - self.monotonic()
            if left is not None and left <= 0:
                return
            line = self._line(left)
            if line is None and (until is None or not self._ended):
                return
            if line is None:
                time.sleep(max(0.0, until - self.monotonic()) if until is not None else 0.0)
            elif line:
                on_note(line)
                self.say("noted")
            else:
                return

    def _line(self, seconds: float | None) -> str | None:
        """The next line without its end; None when there is none in that time, or no more at all."""
        until = None if seconds is None else self.monotonic() + seconds
        while b"\n" not in self._rest and not self._ended:
            left = None if until is None else max(0.0, until - self.monotonic())
            ready, _, _ = select.select([self.descriptor], [], [], left)
            if not ready:
                return None
            read = os.read(self.descriptor, 4096)
            self._ended = not read
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        return None if self._ended and not line else _printable(line.decode(errors="replace"))


def _printable(text: str) -> str:
    """Escape sequences of arrow keys and the like are no part of a note."""
    return "".join(character for character in text if character.isprintable()).strip()
