"""What a client sends, cut into HTTP/1 requests; and which of them a toxic is for."""

from __future__ import annotations

import re
from random import Random

from chaos.proxy.messages import END_OF_HEAD, HEAD_LIMIT_BYTES, Head, Messages, Piece
from chaos.proxy.toxics import Toxic

_VERBATIM = ("CONNECT",)
_BEGINS_LIKE_ONE = re.compile(rb"[A-Z]{1,20}(\Z| (\Z|[/*h]))")
"""A method and a path, or the beginning of one. The middle of a body must not be kept until it ends like a head."""


class Requests(Messages):
    """For one connection. Feed it all that the client sends, in order."""

    def _read_head(self) -> Piece | None:
        start = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))  # blank lines before a request are allowed
        if start < len(self._buffer) and not _BEGINS_LIKE_ONE.match(self._buffer, start):
            return self._blindly()
        end = self._buffer.find(END_OF_HEAD, start)
        if end < 0:
            return None if len(self._buffer) <= HEAD_LIMIT_BYTES else self._blindly()
        head = self._parse_head(start, end)
        if len(head.words) != 3 or not head.words[2].startswith("HTTP/1."):
            return self._blindly()
        if head.words[0] in _VERBATIM or "upgrade" in head.headers or "expect" in head.headers:
            return self._blindly()
        self._step = self._after_head(head)
        return self._cut(end + len(END_OF_HEAD), head, is_last=self._step == self._read_head)


class ForRequests(Toxic, frozen=True, kw_only=True):
    """A toxic on some of the requests: each is drawn for itself, because callers keep their connections.

    `share` (0 to 1) of those with this `method`, whose path (with the query) begins with `path`, and that have the
    header `header`: its name, or "name: part of the value" in any case. Empty: any.
    """

    share: float = 1.0
    method: str = ""
    path: str = ""
    header: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be between 0 and 1")

    def picks(self, head: Head, random: Random) -> bool:
        """Whether it is for this request. Draws anew with each call."""
        method, path, _ = head.words
        if self.method.upper() not in ("", method) or not path.startswith(self.path):
            return False
        return self._has_header(head) and random.random() < self.share

    def _has_header(self, head: Head) -> bool:
        name, _, part = self.header.partition(":")
        value = head.headers.get(name.strip().lower())
        return not name or (value is not None and part.strip().lower() in value.lower())
