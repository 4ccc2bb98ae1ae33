"""The body of a request, read as JSON into what a handler expects."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request

LIMIT_BYTES = 4096

Body = TypeVar("Body", bound=Struct)


async def read_body(request: Request, kind: type[Body], limit_bytes: int = LIMIT_BYTES) -> Body:
    """Raises HTTPException: 413 for a body that is larger than `limit_bytes`, 400 for one that does not fit `kind`."""
    if int(request.headers.get("content-length") or 0) > limit_bytes:
        raise HTTPException(413, f"the body is larger than {limit_bytes} bytes")
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise HTTPException(400, f"the body cannot be read: {error}") from error
