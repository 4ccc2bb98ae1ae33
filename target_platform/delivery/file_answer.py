"""A file as an answer to a GET or HEAD: whole, in part, or not at all because the client has it already.

Source: RFC 9110, "HTTP Semantics", 13 (conditional requests) and 14 (range requests).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from target_platform.delivery.kept import Kept
from target_platform.delivery.pieces import in_pieces
from target_platform.delivery.ranges import Part, Unsatisfiable, asked_part, same_file
from target_platform.kit.answer import problem
from target_platform.kit.client import SHED
from target_platform.kit.errors import CallFailed
from target_platform.kit.sendfile import ZEROCOPY


def file_answer(request: Request, kept: Kept, headers: Mapping[str, str]) -> Response:
    """Raises FileNotFoundError when it is not on the disk any more, another OSError when it cannot be opened now."""
    headers = {**headers, "ETag": kept.etag} if kept.etag else headers
    if same_file(request.headers.get("If-None-Match"), kept.etag):
        return Response(status_code=304, headers=headers)
    headers = {**headers, "Accept-Ranges": "bytes", "Content-Type": kept.content_type}
    try:
        part = asked_part(request.headers, kept.size, kept.etag) if request.method == "GET" else None
    except Unsatisfiable:
        return _nothing_of_it(kept)
    if part is None:
        return FileAnswer(kept, Part(0, kept.size), 200, headers)
    return FileAnswer(kept, part, 206, {**headers, "Content-Range": part.content_range(kept.size)})


def nobody_has_it(failure: CallFailed) -> Response:
    """With the header that says that this cache is well: who asked must not leave it alone for what is behind it."""
    refusal = problem(503, f"it is not kept here, and no tier behind has it: {failure}")
    refusal.headers.update({"Retry-After": "1", SHED: "behind"})
    return refusal


class FileAnswer(Response):
    """Opens the file when it is made: from then on it can be evicted."""

    def __init__(self, kept: Kept, part: Part, status: int, headers: Mapping[str, str]) -> None:
        self._descriptor = kept.open() if kept.file else None
        super().__init__(None, status, {**headers, "Content-Length": str(part.count)})
        self._kept = kept
        self._part = part

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
            elif self._descriptor is not None and self._part.count and ZEROCOPY in scope.get("extensions", {}):
                start, count = self._part.start, self._part.count
                await send({"type": ZEROCOPY, "file": self._descriptor, "offset": start, "count": count})
            else:
                await in_pieces(self._bytes, self._part, receive, send)
        finally:
            if self._descriptor is not None:
                self._kept.close()

    def _bytes(self, part: Part) -> bytes | memoryview:
        if self._descriptor is None:
            return memoryview(self._kept.body)[part.start : part.start + part.count]
        return os.pread(self._descriptor, part.count, part.start)


def _nothing_of_it(kept: Kept) -> Response:
    refusal = problem(416, f"the file has {kept.size} bytes, and nothing of what was asked for is among them")
    refusal.headers["Content-Range"] = f"bytes */{kept.size}"
    return refusal
