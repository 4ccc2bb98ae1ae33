"""JSON bodies of the API, decoded as Toxiproxy (Go) does, and what is answered to one that cannot be."""

from __future__ import annotations

import json
import typing
from typing import TypeVar

import msgspec

Shape = TypeVar("Shape", bound=msgspec.Struct)


class ApiError(Exception):
    """Answered as Toxiproxy does: `{"error": text, "status": number}` as plain text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def decode(body: bytes) -> object:
    """The first JSON value of the body; Go reads no further either."""
    if not body.strip():
        raise ApiError(400, "bad request body: EOF")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if "trailing characters" in str(error):
            return json.JSONDecoder().raw_decode(body.decode(errors="replace").lstrip())[0]
        raise ApiError(400, f"bad request body: {error}") from error


def convert(value: object, into: type[Shape]) -> Shape:
    """As Go does: names in any case, unknown ones ignored, null as left out (where null is no value of its own)."""
    value = {} if value is None else value
    if isinstance(value, dict):
        nullable = {field.name for field in msgspec.structs.fields(into) if type(None) in typing.get_args(field.type)}
        named = {str(name).lower(): item for name, item in value.items()}
        value = {name: item for name, item in named.items() if item is not None or name in nullable}
    try:
        return msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        raise ApiError(400, f"bad request body: {error}") from error
