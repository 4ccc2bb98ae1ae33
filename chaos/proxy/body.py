"""JSON bodies of the API, decoded as Toxiproxy (Go) does, and what is answered to one that cannot be."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Shape = TypeVar("Shape")


class ApiError(Exception):
    """Answered as Toxiproxy does: `{"error": text, "status": number}` as plain text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def decode(body: bytes) -> object:
    if not body:
        raise ApiError(400, "bad request body: EOF")
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise ApiError(400, f"bad request body: {error}") from error


def convert(value: object, into: type[Shape]) -> Shape:
    """As Go does: names in any case, unknown ones ignored."""
    if isinstance(value, dict):
        value = {str(name).lower(): item for name, item in value.items()}
    try:
        return msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        raise ApiError(400, f"bad request body: {error}") from error
