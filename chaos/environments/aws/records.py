"""What we change bears a tag of ours that says who changed it, until when, and what was before.

So it can be put right without us: `chaos rollback --scan` reads these tags, whoever wrote them. Values of tags hold 256
characters, keys 128 (https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

PREFIX = "steadfast:hold:"
UNREADABLE = "unreadable"


class Hold(Struct, frozen=True, omit_defaults=True):
    """One injection's record on one resource; `until` in epoch seconds."""

    what: str
    until: float
    was: str = ""


def key_of(holder: str) -> str:
    return PREFIX + holder


def tag_of(holder: str, hold: Hold) -> dict[str, str]:
    return {"Key": key_of(holder), "Value": msgspec.json.encode(hold).decode()}


def holds_in(tags: Mapping[str, str]) -> dict[str, Hold]:
    """By holder. What somebody has changed so that it cannot be read is there too, as `unreadable`."""
    return {key.removeprefix(PREFIX): _read(value) for key, value in tags.items() if key.startswith(PREFIX)}


def tags_in(listed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """AWS's list of keys and values as a mapping."""
    return {str(each["Key"]): str(each.get("Value", "")) for each in listed}


def _read(value: str) -> Hold:
    try:
        return msgspec.json.decode(value, type=Hold)
    except msgspec.DecodeError:
        return Hold(what=UNREADABLE, until=0.0)
