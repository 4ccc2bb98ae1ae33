"""Lines of a terminal: text in pieces, each with a style, cut to a width in cells."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Style = Literal["", "bold", "soft", "good", "bad", "unclear", "fault", "alert"]
_CODES: dict[Style, str] = {
    "": "",
    "bold": "1",
    "soft": "2",
    "good": "32",
    "bad": "1;31",
    "unclear": "33",
    "fault": "1;33",
    "alert": "7;1",
}


@dataclass(frozen=True)
class Piece:
    text: str
    style: Style = ""


Line = tuple[Piece, ...]


def line(*pieces: Piece | str) -> Line:
    return tuple(Piece(piece) if isinstance(piece, str) else piece for piece in pieces)


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_cells(character) for character in text)


def fit(text: str, width: int) -> str:
    """The text in exactly that many cells: cut with an ellipsis, or filled with blanks."""
    text = printable(text)
    if cells(text) > width:
        kept = ""
        for character in text:
            if cells(kept) + _cells(character) > width - 1:
                break
            kept += character
        text = kept + "…" if width > 0 else ""
    return text + " " * (width - cells(text))


def cut(pieces: Line, width: int) -> Line:
    """The line in at most that many cells."""
    kept: list[Piece] = []
    left = width
    for piece in pieces:
        text = printable(piece.text)
        if cells(text) > left:
            kept.append(Piece(fit(text, left), piece.style))
            break
        kept.append(Piece(text, piece.style))
        left -= cells(text)
    return tuple(kept)


def wrapped(text: str, width: int, most: int) -> list[str]:
    """At most so many lines; what does not fit is cut."""
    lines = [""]
    for word in printable(text).split():
        if lines[-1] and cells(lines[-1]) + 1 + cells(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > most:
        lines = [*lines[: most - 1], fit(" ".join(lines[most - 1 :]), width)]
    return [fit(each, width).rstrip() for each in lines]


def plain(pieces: Line) -> str:
    return "".join(piece.text for piece in pieces).rstrip()


def coloured(pieces: Line) -> str:
    """With escape sequences, each piece ending its own style."""
    return "".join(
        f"\x1b[{_CODES[piece.style]}m{piece.text}\x1b[0m" if _CODES[piece.style] else piece.text for piece in pieces
    )


def columns(cellsful: Sequence[Line], width: int, apart: int = 3) -> list[Line]:
    """Short lines side by side, read down each column first, in as many columns as the width takes."""
    if not cellsful:
        return []
    sizes = [sum(cells(piece.text) for piece in each) for each in cellsful]
    widest = max(sizes)
    many = max(1, (width + apart) // (widest + apart))
    high = -(-len(cellsful) // many)
    rows: list[Line] = []
    for row in range(high):
        pieces: list[Piece] = []
        for each, size in list(zip(cellsful, sizes, strict=True))[row::high]:
            pieces += [Piece(" " * apart)] if pieces else []
            pieces += [*each, Piece(" " * (widest - size))]
        rows.append(tuple(pieces))
    return rows


def printable(text: str) -> str:
    """What a sick system answers may carry escape sequences; they must not reach the terminal."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


def _cells(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
