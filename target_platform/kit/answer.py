"""Answers in JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from target_platform.kit.client import Reply

_encode = msgspec.json.Encoder().encode


def answer(value: Any, status: int = 200) -> Response:
    """Anything msgspec can encode."""
    return Response(_encode(value), status_code=status, media_type="application/json")


def problem(status: int, sentence: str) -> Response:
    """An answer that says what is wrong."""
    return answer({"error": sentence}, status)


def passed_on(reply: Reply) -> Response:
    """The answer of a dependency, as it came."""
    return Response(reply.body, status_code=reply.status, headers={"content-type": reply.content_type})
