"""A toxic of a proxy: its attributes and what all types have in common."""

from __future__ import annotations

from msgspec import Struct

from chaos.proxy.toxics import Toxic


class NamedToxic(Struct, frozen=True, kw_only=True):
    """A toxic of one proxy. `stream` is "upstream" or "downstream"; `toxicity` the share of connections it is on.

    `expires_at` is the epoch second at which it removes itself, None for never.
    """

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: Toxic
    expires_at: float | None = None
