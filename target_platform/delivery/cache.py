"""What a cache keeps."""

from __future__ import annotations

from collections import OrderedDict

from target_platform.kit.client import Reply


class Cache:
    """Whole answers, at most `limit_bytes` of them together; who was not asked for longest goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[str, Reply] = OrderedDict()
        self.bytes = 0

    def get(self, path: str) -> Reply | None:
        reply = self._kept.get(path)
        if reply is not None:
            self._kept.move_to_end(path)
        return reply

    def put(self, path: str, reply: Reply) -> None:
        """Keep an answer, unless it alone is larger than all that may be kept."""
        if len(reply.body) > self._limit_bytes:
            return
        self.bytes += len(reply.body) - len(self._kept.pop(path, Reply()).body)
        self._kept[path] = reply
        while self.bytes > self._limit_bytes:
            _, oldest = self._kept.popitem(last=False)
            self.bytes -= len(oldest.body)
