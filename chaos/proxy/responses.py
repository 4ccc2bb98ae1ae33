"""What a server sends, cut into HTTP/1 answers, each with the request that it answers."""

from __future__ import annotations

from collections import deque

from chaos.proxy.messages import END_OF_HEAD, HEAD_LIMIT_BYTES, Head, Messages, Piece, Step
from chaos.proxy.requests import Requests
from chaos.proxy.toxics import Chunk, Stage, Toxic

_BEGINS = b"HTTP/1."
_WITHOUT_BODY = ("204", "304")
_SWITCHES = "101"


class Asked(Stage):
    """On the upstream: notes which requests wait for their answers, and passes everything as it comes."""

    def __init__(self) -> None:
        self.waiting: deque[Head] = deque()
        self._requests = Requests()

    def take(self, chunk: Chunk) -> None:
        if isinstance(chunk, bytes):
            self.waiting += [piece.head for piece in self._requests.feed(chunk) if piece.head is not None]
        self.forward(chunk)

    def update(self, toxic: Toxic) -> bool:
        return True


class Responses(Messages):
    """For one connection. What comes while nobody waits answers a request that was there before, and is not looked at.

    `answered` is the request of the answer whose head was handed out last.
    """

    answered: Head

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._waiting = asked.waiting

    def _read_head(self) -> Piece | None:
        if not self._waiting or not (self._buffer.startswith(_BEGINS) or _BEGINS.startswith(self._buffer)):
            return self._cut(len(self._buffer))
        end = self._buffer.find(END_OF_HEAD)
        if end < 0:
            return None if len(self._buffer) <= HEAD_LIMIT_BYTES else self._blindly()
        head = self._parse_head(0, end)
        status = head.words[1] if len(head.words) > 1 else ""
        if not status.isdecimal() or status == _SWITCHES:
            return self._blindly()
        if status.startswith("1"):  # the answer itself is still to come
            return self._cut(end + len(END_OF_HEAD))
        self.answered = self._waiting.popleft()
        self._step = self._after_answer(head, status)
        return self._cut(end + len(END_OF_HEAD), head, is_last=self._step == self._read_head)

    def _after_answer(self, head: Head, status: str) -> Step:
        if self.answered.words[0] == "HEAD" or status in _WITHOUT_BODY:
            return self._read_head
        if not head.is_chunked and "content-length" not in head.headers:
            return self._read_to_the_end
        return self._after_head(head)
