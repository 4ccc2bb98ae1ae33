"""The body that creates a toxic: read and checked; and a toxic as the API shows it."""

from __future__ import annotations

import time
from collections.abc import Container
from typing import Any, cast

from msgspec import Struct

from chaos.proxy.body import ApiError, convert, decode
from chaos.proxy.toxic import NamedToxic
from chaos.proxy.toxics import Toxic, toxic_type


class ToxicRequest(Struct, frozen=True):
    """The body that creates a toxic. All may be left out but `type`."""

    name: str = ""
    type: str = ""
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: dict[str, Any] = {}
    expires_at: float | None = None


def read_toxic(body: bytes, taken: Container[str]) -> NamedToxic:
    """Names in `taken` exist. Checked in Toxiproxy's order: JSON, stream, default name, type, duplicate, attributes."""
    asked = convert(decode(body), ToxicRequest)
    stream = asked.stream.lower()
    if stream not in ("upstream", "downstream"):
        raise ApiError(400, "stream was invalid, can be either upstream or downstream")
    name = asked.name or f"{asked.type}_{stream}"
    attributes_type = toxic_type(asked.type)
    if attributes_type is None:
        raise ApiError(400, "invalid toxic type")
    if name in taken:
        raise ApiError(409, "toxic already exists")
    attributes = cast(Toxic, convert(asked.attributes, attributes_type))
    if asked.expires_at is not None and asked.expires_at <= time.time():
        raise ApiError(400, "bad request body: expires_at has passed")
    return NamedToxic(
        name=name,
        type=asked.type,
        stream=stream,
        toxicity=asked.toxicity,
        attributes=attributes,
        expires_at=asked.expires_at,
    )


def toxic_shape(toxic: NamedToxic) -> dict[str, object]:
    shape: dict[str, object] = {
        "attributes": toxic.attributes,
        "name": toxic.name,
        "type": toxic.type,
        "stream": toxic.stream,
        "toxicity": toxic.toxicity,
    }
    return shape if toxic.expires_at is None else {**shape, "expires_at": toxic.expires_at}
