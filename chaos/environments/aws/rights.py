"""What a capability needs to be allowed to do, as IAM has it."""

from __future__ import annotations

from msgspec import Struct


class Need(Struct, frozen=True):
    """Actions on resources, whose names have {account} in them. `armed`: on those only that bear the tag for it."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    armed: bool = False
