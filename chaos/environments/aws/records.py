"""What we change bears a tag of ours that says who changed it, until when, and what was before.

So it can be put right without us: `chaos rollback --scan` reads these tags, whoever wrote them. Values of tags hold 256
characters, keys 128, and all services take letters, digits, spaces and + - = . _ : / @ only
(https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from chaos.model.errors import ActionFailed

PREFIX = "steadfast:hold:"
UNREADABLE = "unreadable"
MOST_CHARACTERS = 256
_MORE = "steadfast:more:"
_UNUSUAL = re.compile(r"[^\w .:=+-]+", re.ASCII)
_ESCAPED = re.compile(r"(?:@[0-9A-F]{2})+")


class Hold(Struct, frozen=True, omit_defaults=True):
    """One injection's record on one resource; `until` in epoch seconds."""

    what: str
    until: float
    was: str = ""


def key_of(holder: str) -> str:
    return PREFIX + holder


def tag_of(holder: str, hold: Hold) -> dict[str, str]:
    """Of a hold whose `was` is short."""
    return {"Key": key_of(holder), "Value": _written(hold)}


def tags_of(holder: str, hold: Hold) -> dict[str, str]:
    """By key: what does not fit into one tag goes on in others."""
    written = _written(hold)
    parts = [written[at : at + MOST_CHARACTERS] for at in range(0, len(written), MOST_CHARACTERS)]
    keys = [key_of(holder), *(f"{_MORE}{at}:{holder}" for at in range(1, len(parts)))]
    return dict(zip(keys, parts, strict=True))


def keys_of(holder: str, tags: Mapping[str, str]) -> list[str]:
    """Which of these tags are that holder's."""
    ends = f":{holder}"
    more = [key for key in tags if key.startswith(_MORE) and key.endswith(ends)]
    return [*([key_of(holder)] if key_of(holder) in tags else []), *more]


def holds_in(tags: Mapping[str, str]) -> dict[str, Hold]:
    """By holder. What somebody has changed so that it cannot be read is there too, as `unreadable`."""
    holders = [key.removeprefix(PREFIX) for key in tags if key.startswith(PREFIX)]
    return {holder: _read("".join(_parts(holder, tags))) for holder in holders}


@contextmanager
def reading_before(name: str) -> Iterator[None]:
    """For what a hold says that there was before. Raises ActionFailed when somebody has changed it."""
    try:
        yield
    except ValueError as error:
        hint = "put the resource right by hand, then remove the tag"
        raise ActionFailed(f"what {name} had before cannot be read from its tags", hint, "no") from error


def tags_in(listed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """AWS's list of keys and values as a mapping."""
    return {str(each["Key"]): str(each.get("Value", "")) for each in listed}


def _parts(holder: str, tags: Mapping[str, str]) -> Iterable[str]:
    yield tags[key_of(holder)]
    at = 1
    while (more := tags.get(f"{_MORE}{at}:{holder}")) is not None:
        yield more
        at += 1


def _written(hold: Hold) -> str:
    return f"{hold.until:.3f}/{_plain(hold.what)}/{_plain(hold.was)}"


def _read(value: str) -> Hold:
    try:
        until, what, was = (_unplain(each) for each in value.split("/"))
        return Hold(what=what, until=float(until), was=was)
    except ValueError:
        return Hold(what=UNREADABLE, until=0.0)


def _plain(text: str) -> str:
    return _UNUSUAL.sub(lambda found: "".join(f"@{each:02X}" for each in found[0].encode()), text)


def _unplain(text: str) -> str:
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("@", "")).decode(), text)
