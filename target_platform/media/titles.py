"""The titles that everybody knows of, from services/titles.yaml, most popular first."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

_FILE = Path(__file__).parents[1] / "services" / "titles.yaml"


class Title(Struct, frozen=True, omit_defaults=True):
    """`year` is 0 when it is not known. `territories` are those in which it may be watched; empty means all."""

    id: str
    name: str
    year: int = 0
    genres: tuple[str, ...] = ()
    minutes: int = 0
    territories: tuple[str, ...] = ()


ALL = msgspec.yaml.decode(_FILE.read_bytes(), type=tuple[Title, ...])
