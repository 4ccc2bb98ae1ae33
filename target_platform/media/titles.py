"""The titles that everybody knows of, from services/titles.yaml, most popular first."""

from __future__ import annotations

from collections.abc import Sequence
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


def outside(title: str, territories: Sequence[str]) -> str:
    """The sentence for who is told that a title is not for them."""
    return f"{title} may be watched in {', '.join(territories)} only"


def is_outside(territory: str, territories: Sequence[str]) -> bool:
    """Whether what is limited to `territories` may not be watched in `territory`; without a limit it may everywhere."""
    return bool(territories) and territory not in territories


ALL = msgspec.yaml.decode(_FILE.read_bytes(), type=tuple[Title, ...])
LIMITS = {title.id: title.territories for title in ALL if title.territories}
"""Those of the titles that are not for all territories."""
