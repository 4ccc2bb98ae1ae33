"""Subtitles as they are handed in: WebVTT (W3C), checked before anything is encoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from target_platform.pipeline.errors import Rejected

_TIMING = re.compile(
    r"^(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})[ \t]+-->[ \t]+(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def check_subtitles(path: Path, seconds: float) -> None:
    """Raises Rejected for what is no WebVTT, has no cues, a cue that ends before it begins, or one after the end."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Rejected(f"The subtitles {path.name} cannot be read: {error}.") from error
    if not re.match(r"WEBVTT([ \t\n]|$)", text):
        raise Rejected(f"{path.name} is no WebVTT: its first line is not WEBVTT.")
    cues = list(_cues(text, path.name))
    if not cues:
        raise Rejected(f"{path.name} has no cues.")
    for number, start, end in cues:
        if end <= start:
            raise Rejected(
                f"{path.name}, line {number}: the cue ends at {end:.3f} s, before it begins ({start:.3f} s)."
            )
        if start > seconds:
            raise Rejected(f"{path.name}, line {number}: a cue at {start:.1f} s, in a title of {seconds:.1f} s.")


def check_language(tag: str) -> str:
    """The tag, if it can be one (BCP 47: en, pt-BR). Raises Rejected."""
    if not _LANGUAGE.fullmatch(tag):
        raise Rejected(f"{tag!r} is no language tag; en, de or pt-BR would be.")
    return tag


def _cues(text: str, name: str) -> Iterator[tuple[int, float, float]]:
    """Line number, start and end in seconds."""
    for number, line in enumerate(text.splitlines(), 1):
        if "-->" not in line:
            continue
        read = _TIMING.match(line.strip())
        if not read:
            raise Rejected(f"{name}, line {number}: {line.strip()!r} is no timing; 00:01.000 --> 00:02.500 would be.")
        groups = read.groups()
        yield number, _time(groups[:4]), _time(groups[4:])


def _time(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000
