"""Cuts or replaces what a share of the HTTP requests gets for an answer; as HTTP the answer stays whole.

Ours, not Toxiproxy's. For an answer that breaks off in the middle there is `limit_data`.
"""

from __future__ import annotations

from random import Random

from chaos.proxy.messages import Head, Piece, with_headers
from chaos.proxy.requests import ForRequests
from chaos.proxy.responses import Asked, Responses
from chaos.proxy.toxics import Chunk, Runtime, Stage, Toxic


class HttpBody(ForRequests, frozen=True, kw_only=True):
    """On answers to the requests that it is for: `truncate` lets only so many bytes of the content through, `replace`
    is text in its place. One of them must be given. `content_type` is that of the text (empty: it stays as it was).
    """

    STREAMS = ("downstream",)

    truncate: int | None = None
    replace: str | None = None
    content_type: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.truncate is None) == (self.replace is None):
            raise ValueError("give either truncate, in bytes, or replace, a text")
        if self.truncate is not None and self.truncate < 0:
            raise ValueError("truncate is bytes, 0 or more")
        if "\r" in self.content_type or "\n" in self.content_type:
            raise ValueError("content_type is one line, the value of a header")

    def touches(self, stream: str) -> tuple[str, ...]:
        return ("upstream", "downstream")

    def stages(self, runtime: Runtime, stream: str) -> dict[str, Stage]:
        asked = Asked()
        return {"upstream": asked, "downstream": Rewrite(self, runtime.random, asked)}


class Rewrite(Stage):
    """What is not HTTP/1 passes untouched, as do answers without content and those that were due when this came."""

    def __init__(self, toxic: HttpBody, random: Random, asked: Asked) -> None:
        self._toxic = toxic
        self._random = random
        self._responses = Responses(asked)
        self._left_bytes: int | None = None
        """How much content of the answer that is being changed may still pass; None: it is not changed."""
        self._is_chunked = False

    @property
    def is_busy(self) -> bool:
        return self._left_bytes is not None

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            changed = b"".join(map(self._changed, self._responses.feed(chunk)))
        else:
            changed = self._responses.rest()
        if changed:
            self.forward(changed)
        if not isinstance(chunk, bytes):
            self.forward(chunk)

    def release(self) -> None:
        if self._left_bytes is not None:  # the rest would be more than was announced
            self.line.close()
        elif rest := self._responses.rest():
            self.forward(rest)

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, HttpBody), "the type of a toxic never changes"
        self._toxic = toxic
        return True

    def _changed(self, piece: Piece) -> bytes:
        if piece.head is not None:
            picked = self._toxic.picks(self._responses.answered, self._random)
            return self._begun(piece.head, piece.data) if picked and not piece.is_last else piece.data
        if self._left_bytes is None:
            return piece.data
        data = piece.data[: self._left_bytes] if piece.is_content else b""
        self._left_bytes -= len(data)
        if self._is_chunked:
            data = b"%x\r\n%s\r\n" % (len(data), data) if data else b""
            data += b"0\r\n\r\n" if piece.is_last else b""
        if piece.is_last:
            self._left_bytes = None
        return data

    def _begun(self, head: Head, text: bytes) -> bytes:
        """The head of a changed answer, with all that replaces its content."""
        changed: dict[str, str | None] = {}
        content = b""
        if self._toxic.replace is not None:
            content = self._toxic.replace.encode()
            changed = dict.fromkeys(("transfer-encoding", "content-encoding", "trailer"))
            changed["content-length"] = str(len(content))
            if self._toxic.content_type:
                changed["content-type"] = self._toxic.content_type
        elif "content-length" in head.headers and not head.is_chunked:
            changed["content-length"] = str(min(int(head.headers["content-length"]), self._toxic.truncate or 0))
        self._left_bytes = self._toxic.truncate or 0
        self._is_chunked = head.is_chunked and self._toxic.replace is None
        return with_headers(text, changed) + content
