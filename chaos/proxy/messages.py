"""Cuts one direction of a connection into HTTP/1 messages, byte-exact: where each begins and ends, whatever the chunks.

A parser with callbacks (httptools) does not say at which byte a message ends, and each byte has to be passed on as it
came. What cannot be told apart any more is handed out as it comes, and nothing after it is looked at. RFC 9112.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

HEAD_LIMIT_BYTES = 64 * 1024
END_OF_HEAD = b"\r\n\r\n"


class Head(Struct, frozen=True):
    """The start line in words (method, path, version; or version, status, reason), and names of headers in lower case.

    `closes`: the connection is to end after this message, or after its answer.
    """

    words: tuple[str, ...]
    headers: dict[str, str]

    @property
    def closes(self) -> bool:
        connection = self.headers.get("connection", "").lower()
        return "close" in connection or ("HTTP/1.0" in self.words and "keep-alive" not in connection)

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()


class Piece(Struct, frozen=True):
    """Some bytes of one message; the first has its `head` and holds all of that. `is_content`: nothing but content."""

    data: bytes
    head: Head | None = None
    is_content: bool = False
    is_last: bool = False


Step = Callable[[], Piece | None]


class Messages:
    """For one direction of a connection: feed it all that is sent, in order. What a head looks like, others know."""

    def __init__(self) -> None:
        self._buffer = b""
        self._step: Step = self._read_head
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
        return self._blindly()

    def _parse_head(self, start: int, end: int) -> Head:
        lines = self._buffer[start:end].decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:])
        return Head(tuple(lines[0].split(" ", 2)), {name.strip().lower(): it.strip() for name, _, it in pairs})

    def _after_head(self, head: Head) -> Step:
        """How to read what a head announces; for an answer without any length that is wrong."""
        if head.is_chunked:
            return self._read_size
        length = head.headers.get("content-length", "0")
        self._left = int(length) if length.isdecimal() else 0
        return self._read_body if self._left else self._read_head

    def _read_body(self) -> Piece:
        return self._counted(self._read_head, ends=True)

    def _read_size(self) -> Piece | None:
        """The line before each chunk; a chunk is followed by an empty line, and a size of 0 by the trailers."""
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None if len(self._buffer) < HEAD_LIMIT_BYTES else self._blindly()
        try:
            size = int(self._buffer[:end].partition(b";")[0], 16)
        except ValueError:
            return self._blindly()
        self._left = size
        self._step = self._read_chunk if size > 0 else self._read_trailer
        return self._cut(end + 2)

    def _read_chunk(self) -> Piece:
        return self._counted(self._read_chunk_end, ends=False)

    def _read_chunk_end(self) -> Piece | None:
        if len(self._buffer) < 2:
            return None
        self._step = self._read_size
        return self._cut(2)

    def _read_trailer(self) -> Piece | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None if len(self._buffer) < HEAD_LIMIT_BYTES else self._blindly()
        if end == 0:
            self._step = self._read_head
        return self._cut(end + 2, is_last=end == 0)

    def _read_to_the_end(self) -> Piece:
        """A body that ends with the connection."""
        return self._cut(len(self._buffer), is_content=True)

    def _blindly(self) -> Piece:
        self._step = self._blindly
        return self._cut(len(self._buffer))

    def _counted(self, following: Step, ends: bool) -> Piece:
        count = min(self._left, len(self._buffer))
        self._left -= count
        if self._left == 0:
            self._step = following
        return self._cut(count, is_content=True, is_last=ends and self._left == 0)

    def _cut(self, count: int, head: Head | None = None, is_content: bool = False, is_last: bool = False) -> Piece:
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return Piece(data, head, is_content, is_last)


def with_headers(text: bytes, changed: dict[str, str | None]) -> bytes:
    """A head with other values for some headers (None: without it); all others stay as they are, to the byte."""
    first, *lines = text.decode("latin-1").split("\r\n")
    kept = [line for line in lines if line and line.partition(":")[0].strip().lower() not in changed]
    new = [f"{name}: {value}" for name, value in changed.items() if value is not None]
    return "\r\n".join((first, *kept, *new, "", "")).encode("latin-1")
