"""Answers a share of the HTTP requests with an error, in place of the destination, which never sees them.

Ours, not Toxiproxy's. It works on the upstream: that is the stream that requests are in.
"""

from __future__ import annotations

from http import HTTPStatus
from random import Random

from chaos.proxy.messages import Head
from chaos.proxy.requests import ForRequests, Requests
from chaos.proxy.toxics import Chunk, Ending, Runtime, Stage, Toxic


class HttpStatus(ForRequests, frozen=True, kw_only=True):
    """`status`, 400 to 599, for the requests that it is for."""

    STREAMS = ("upstream",)
    MAGNITUDES = ("share",)

    status: int = 503

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.status not in list(HTTPStatus) or self.status < 400:
            raise ValueError(f"status {self.status} is no HTTP error")

    def start(self, runtime: Runtime) -> Stage:
        return Errors(self, runtime.random)


class Errors(Stage):
    """What is not HTTP/1 passes untouched, as does the rest of a request that was under way when the toxic came.

    A request that comes in one piece with the one ahead of it passes, too: its error would overtake that answer. Who
    pipelines requests in pieces of their own may get an error too early; HTTP clients have given up pipelining.
    """

    def __init__(self, toxic: HttpStatus, random: Random) -> None:
        self._toxic = toxic
        self._random = random
        self._requests = Requests()
        self._head: Head | None = None
        """Of the request that is being failed."""

    @property
    def is_busy(self) -> bool:
        return self._head is not None

    def take(self, chunk: Chunk) -> None:
        if not isinstance(chunk, bytes):
            self._hand_on_the_rest()
            self.forward(chunk)
            return
        passed_one = False
        for piece in self._requests.feed(chunk):
            if piece.head is not None and not passed_one and self._toxic.picks(piece.head, self._random):
                self._head = piece.head
            if self._head is None:
                self.forward(piece.data)
                passed_one = True
            elif piece.is_last:
                self._answer(self._head)
                self._head = None

    def release(self) -> None:
        if self._head is not None:  # the rest of its body would be read as a request
            self.line.close()
        else:
            self._hand_on_the_rest()

    def update(self, toxic: Toxic) -> bool:
        assert isinstance(toxic, HttpStatus), "the type of a toxic never changes"
        self._toxic = toxic
        return True

    def _hand_on_the_rest(self) -> None:
        rest = self._requests.rest()
        if rest and self._head is None:
            self.forward(rest)

    def _answer(self, head: Head) -> None:
        said = HTTPStatus(self._toxic.status)
        body = f"{said.value} {said.phrase}\n"
        keep = "close" if head.closes else "keep-alive"
        lines = (
            f"HTTP/1.1 {said.value} {said.phrase}",
            "Content-Type: text/plain",
            f"Content-Length: {len(body)}",
            f"Connection: {keep}",
        )
        text = "\r\n".join((*lines, "", "")) + ("" if head.words[0] == "HEAD" else body)
        self.line.answer(text.encode())
        if head.closes:
            self.line.answer(Ending.EOF)
