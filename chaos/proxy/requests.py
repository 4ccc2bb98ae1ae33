"""Cuts what a client sends into HTTP/1 requests, byte-exact: where each begins and ends, whatever the chunks.

A parser with callbacks (httptools) does not say at which byte a request ends, and each byte has to be passed on as it
came. What cannot be told apart any more is handed out as it comes, and nothing after it is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

HEAD_LIMIT_BYTES = 64 * 1024
_VERBATIM = ("CONNECT",)
_END_OF_HEAD = b"\r\n\r\n"
_BEGINS_LIKE_ONE = re.compile(rb"[A-Z]{1,20}(\Z| (\Z|[/*h]))")
"""A method and a path, or the beginning of one. The middle of a body must not be kept until it ends like a head."""


class Head(Struct, frozen=True):
    """`closes`: the client wants the connection to end after the answer."""

    method: str
    path: str
    closes: bool


class Piece(Struct, frozen=True):
    """Some bytes of one request; the first piece has its `head` and holds all of that."""

    data: bytes
    head: Head | None = None
    is_last: bool = False


class Requests:
    """For one connection. Feed it all that the client sends, in order."""

    def __init__(self) -> None:
        self._buffer = b""
        self._step: Callable[[], Piece | None] = self._read_head
        self._left = 0

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that are known by now. An incomplete head or chunk size is kept until it is complete."""
        self._buffer += data
        while self._buffer:
            piece = self._step()
            if piece is None:
                return
            yield piece

    def rest(self) -> bytes:
        """What was kept and not handed out, when nothing more comes."""
        rest, self._buffer = self._buffer, b""
        return rest

    def _read_head(self) -> Piece | None:
        start = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))  # blank lines before a request are allowed
        if start < len(self._buffer) and not _BEGINS_LIKE_ONE.match(self._buffer, start):
            return self._blindly()
        end = self._buffer.find(_END_OF_HEAD, start)
        if end < 0 and len(self._buffer) <= HEAD_LIMIT_BYTES:
            return None
        lines = self._buffer[start : max(end, 0)].decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if end < 0 or len(words) != 3 or not words[2].startswith("HTTP/1."):
            return self._blindly()
        headers = {
            name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(":") for line in lines)
        }
        if words[0] in _VERBATIM or "upgrade" in headers or "expect" in headers:
            return self._blindly()
        connection = headers.get("connection", "")
        closes = "close" in connection or (words[2] == "HTTP/1.0" and "keep-alive" not in connection)
        self._step = self._after_head(headers)
        return self._cut(end + len(_END_OF_HEAD), Head(words[0], words[1], closes), self._step == self._read_head)

    def _after_head(self, headers: dict[str, str]) -> Callable[[], Piece | None]:
        if "chunked" in headers.get("transfer-encoding", ""):
            return self._read_size
        length = headers.get("content-length", "0")
        self._left = int(length) if length.isdigit() else 0
        return self._read_body if self._left else self._read_head

    def _read_body(self) -> Piece:
        return self._counted(self._read_head, ends=True)

    def _read_size(self) -> Piece | None:
        """The line before each chunk; a chunk is followed by an empty line, and a size of 0 by the trailers."""
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        try:
            size = int(self._buffer[:end].partition(b";")[0], 16)
        except ValueError:
            return self._blindly()
        self._left = size + 2
        self._step = self._read_chunk if size else self._read_trailer
        return self._cut(end + 2)

    def _read_chunk(self) -> Piece:
        return self._counted(self._read_size, ends=False)

    def _read_trailer(self) -> Piece | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        if end == 0:
            self._step = self._read_head
        return self._cut(end + 2, is_last=end == 0)

    def _blindly(self) -> Piece:
        self._step = self._blindly
        return self._cut(len(self._buffer))

    def _counted(self, following: Callable[[], Piece | None], ends: bool) -> Piece:
        count = min(self._left, len(self._buffer))
        self._left -= count
        if self._left == 0:
            self._step = following
        return self._cut(count, is_last=ends and self._left == 0)

    def _cut(self, count: int, head: Head | None = None, is_last: bool = False) -> Piece:
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return Piece(data, head, is_last)
