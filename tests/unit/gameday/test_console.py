"""The room as a pipe: what is typed when."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

import pytest

from chaos.gameday.console import Console


class Typist:
    """Types into a pipe that a console reads."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self.out = io.StringIO()

    def types(self, text: str) -> None:
        os.write(self.write_end, text.encode())

    def console(self, asks: bool = True) -> Console:
        return Console(self.read_end, self.out, asks)

    def leaves(self) -> None:
        if self.write_end >= 0:
            os.close(self.write_end)
        self.write_end = -1


@pytest.fixture
def typist() -> Iterator[Typist]:
    typist = Typist()
    yield typist
    typist.leaves()
    os.close(typist.read_end)


def notes_of(console: Console, seconds: float | None) -> list[str]:
    notes: list[str] = []
    console.pause(seconds, notes.append)
    return notes


def test_only_yes_is_yes(typist: Typist) -> None:
    typist.types("y\nYES\nn\n\nyeah\n")
    console = typist.console()
    assert [console.agrees("run it?") for _ in range(5)] == [True, True, False, False, False]


def test_lines_are_notes_until_an_empty_one(typist: Typist) -> None:
    typist.types("first\n\x1b[A second \n\nnot in this pause\n\n")
    console = typist.console()
    assert notes_of(console, None) == ["first", "[A second"]
    assert notes_of(console, 30.0) == ["not in this pause"]


def test_a_timed_pause_ends_by_itself(typist: Typist) -> None:
    typist.types("noted\nhalf a line")
    assert notes_of(typist.console(), 0.05) == ["noted"]


def test_nobody_there_means_no_and_no_waiting(typist: Typist) -> None:
    typist.leaves()
    console = typist.console()
    assert not console.agrees("run it?")
    assert "--yes" in typist.out.getvalue()
    assert notes_of(console, None) == []
    assert notes_of(console, 0.02) == []


def test_without_questions_only_timed_pauses_wait(typist: Typist) -> None:
    console = typist.console(asks=False)
    assert console.agrees("run it?")
    assert notes_of(console, None) == []
    typist.types("still noted\n\n")
    assert notes_of(console, 30.0) == ["still noted"]
