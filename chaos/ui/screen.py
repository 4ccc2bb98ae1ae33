"""The terminal: the alternate screen, keys one by one, and everything as it was on every way out."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any

from chaos.ui.lines import Line, coloured

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_ENDS = (signal.SIGTERM, signal.SIGHUP)


class Screen:
    """Taken over from `with` to its end. SIGTERM and SIGHUP end the block as SystemExit, so that it is given back."""

    def __init__(self, keys: int, out: int) -> None:
        self._keys, self._out = keys, out
        self._drawn: list[str] = []
        self._size = os.terminal_size((0, 0))
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Screen:
        self._before = termios.tcgetattr(self._keys)
        attributes = termios.tcgetattr(self._keys)
        attributes[3] &= ~(termios.ICANON | termios.ECHO)
        attributes[6][termios.VSUSP] = b"\x00"  # Ctrl-Z would leave the shell on the alternate screen
        for number in _ENDS:
            self._handlers[number] = signal.signal(number, _exit)
        termios.tcsetattr(self._keys, termios.TCSADRAIN, attributes)
        self._write(_ENTER)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._write(_LEAVE)
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)
        except (OSError, termios.error):
            pass  # the terminal has been closed: there is nothing left to give back
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def size(self) -> os.terminal_size:
        return os.get_terminal_size(self._out)

    def draw(self, lines: Sequence[Line]) -> None:
        """Show these lines and nothing else. Only what has changed is written."""
        size = self.size()
        if size != self._size:
            self._size, self._drawn = size, []
            self._write("\x1b[2J")
        wanted = [coloured(each) for each in lines[: size.lines]]
        wanted += [""] * (len(self._drawn) - len(wanted))
        changed = ""
        for row, text in enumerate(wanted):
            if row >= len(self._drawn) or self._drawn[row] != text:
                # Erased before it is written: after a line that fills the width the cursor stands on its last cell.
                changed += f"\x1b[{row + 1};1H\x1b[2K{text}"
        self._drawn = wanted
        if changed:
            self._write(changed)

    def keys(self, seconds: float) -> str:
        """What is pressed within that time, "" for nothing; arrow keys and the like (Escape first) are nothing."""
        ready, _, _ = select.select([self._keys], [], [], seconds)
        if not ready:
            return ""
        pressed = os.read(self._keys, 64).decode(errors="replace")
        if not pressed:
            raise SystemExit(0)  # the terminal has gone
        return "" if pressed.startswith("\x1b") else pressed

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._out, data) :]


def is_terminal() -> bool:
    """Whether there is a screen to draw on and somebody who can press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
