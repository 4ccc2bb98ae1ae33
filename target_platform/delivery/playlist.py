"""Playlists that a cache makes out of those it keeps (HLS, RFC 8216): for segments it has sealed, and for a screen.

Addresses in them stay as they are, so relative ones go on to work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import StringIO
from urllib.parse import quote, unquote, urljoin

from starlette.exceptions import HTTPException

from target_platform.delivery.kept import Kept

HEIGHT = "height"
_OTHERWISE = ("#EXT-X-MAP", "#EXT-X-BYTERANGE", "#EXT-X-PART", "#EXT-X-SESSION-KEY")
_RESOLUTION = re.compile(rb"[:,]RESOLUTION=\d+x(\d+)")
_VERSION = re.compile(r"^#EXT-X-VERSION:\d+$", re.MULTILINE)
_ENCRYPTED = re.compile(r"^#EXT-X-KEY:(?!METHOD=NONE)", re.MULTILINE)
_VARIANT, _I_FRAMES = b"#EXT-X-STREAM-INF:", b"#EXT-X-I-FRAME-STREAM-INF:"


class NotSealable(Exception):
    """Of this there is no sealed form; the sentence says why."""


def sealed_playlist(content: bytes, path: str, vector_of: Callable[[str], bytes]) -> bytes:
    """For segments that are sealed each with a vector of its own. `path` is the playlist's, /sealed/TITLE/...; a master
    playlist stays as it is. Raises NotSealable.
    """
    text = _text(content, path)
    if "#EXT-X-STREAM-INF" in text:
        return content
    if not _VERSION.search(text):  # without one it is 1, which does not know IV
        text = text.replace("#EXTM3U", "#EXTM3U\n#EXT-X-VERSION:3", 1)
    return "".join(_with_keys(text, path, vector_of)).encode()


def _text(content: bytes, path: str) -> str:
    """Raises NotSealable."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    if not text.startswith("#EXTM3U"):
        raise NotSealable(
            f"{path} is not made: what it is to be made of is no playlist, it does not begin with #EXTM3U"
        )
    if tag := next((tag for tag in _OTHERWISE if tag in text), ""):
        raise NotSealable(
            f"{path} is not made: what it is to be made of has {tag}, and whole clear .ts only are sealed"
        )
    if _ENCRYPTED.search(text):
        raise NotSealable(f"{path} is not made: what it is to be made of is encrypted already")
    return text


def _with_keys(text: str, path: str, vector_of: Callable[[str], bytes]) -> Iterator[str]:
    """A key stands before what is said of its segment. It is at the gateway, at this path, as licences are."""
    title = path.split("/")[2]
    said: list[str] = []
    for line in StringIO(text, newline="\n"):
        if line.startswith("#EXTINF"):
            yield from said
            said = [line]
        elif line.startswith("#") or not line.strip():
            said.append(line)
        else:
            vector = vector_of(_segment(line.strip(), path)).hex()
            yield f'#EXT-X-KEY:METHOD=AES-128,URI="/keys/{title}",IV=0x{vector}\n'
            yield from (*said, line)
            said = []
    yield from said


def _segment(address: str, playlist: str) -> str:
    """Its path, as it is asked for. Raises NotSealable."""
    path = quote(unquote(urljoin(playlist, address)))
    if not path.startswith("/".join(playlist.split("/")[:3]) + "/") or not path.endswith(".ts"):
        raise NotSealable(f"{playlist} is not made: it would name {address}, of which there is no sealed form")
    return path


def asked_height(path: str, said: str | None) -> int | None:
    """The lines of the screen for which a master playlist is asked for, by `?height=`; None when it is for all, or no
    master playlist. Raises HTTPException.
    """
    if said is None or not path.endswith("/master.m3u8"):
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= 5 and int(said)):
        raise HTTPException(400, f"{HEIGHT} is a screen's number of lines, such as 720, and not {said[:40]!r}")
    return int(said)


def for_screen(kept: Kept, height: int) -> Kept:
    """The master playlist without the qualities that have more lines; the smallest stays, since it can be scaled down.
    One that does not say how many lines it has stays, too. Raises OSError when the file is not there any more.
    """
    lines = kept.content().splitlines(keepends=True)
    least = min((lines_of for line in lines if line.startswith(_VARIANT) and (lines_of := _height(line))), default=0)
    return Kept.made(b"".join(_shown(lines, max(height, least))), kept.content_type)


def _shown(lines: list[bytes], height: int) -> Iterator[bytes]:
    leaves_out = False
    for line in lines:
        if leaves_out:  # what is said of a variant, and then its address
            leaves_out = line.startswith(b"#") or not line.strip()
            continue
        if line.startswith((_VARIANT, _I_FRAMES)) and _height(line) > height:
            leaves_out = line.startswith(_VARIANT)  # the other one has its address in it
            continue
        yield line


def _height(line: bytes) -> int:
    """0 when it is not said."""
    found = _RESOLUTION.search(line)
    return int(found[1]) if found else 0
