"""Answers in the forms that Toxiproxy (Go) gives them."""

from __future__ import annotations

import secrets

import msgspec

from chaos.proxy.body import ApiError
from chaos.proxy.http import Response

_PLAIN = "text/plain; charset=utf-8"


def as_json(status: int, value: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, msgspec.json.encode(value))


def of_error(error: ApiError) -> Response:
    """`{"error": text, "status": number}`, as plain text and with a line's end: Go's http.Error makes it so."""
    body = msgspec.json.encode({"error": error.text, "status": error.status}) + b"\n"
    return Response(error.status, {"Content-Type": _PLAIN, "X-Content-Type-Options": "nosniff"}, body)


def not_found() -> Response:
    return Response(404, {"Content-Type": _PLAIN, "X-Content-Type-Options": "nosniff"}, b"404 page not found\n")


def no_browsers() -> Response:
    return Response(403, {"Content-Type": _PLAIN, "X-Content-Type-Options": "nosniff"}, b"User agent not allowed\n")


def no_token() -> Response:
    """RFC 6750."""
    response = of_error(ApiError(401, "this server wants a token: Authorization: Bearer TOKEN"))
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def identified(response: Response) -> Response:
    response.headers["X-Toxiproxy-Request-Id"] = secrets.token_hex(10)
    return response
