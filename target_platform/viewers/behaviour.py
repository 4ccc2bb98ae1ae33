"""How viewers behave, as data (behaviour.yaml)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml
from msgspec import Struct


class Device(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of screen; one in `weight` of the sum of all weights has it."""

    name: str
    max_height: int
    weight: float


class Arriving(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of those who come, so many are new and so many type a password; the others' devices are still signed in.

    New accounts are made on `plan`; without one they may play on any number of devices.
    """

    plan: str = ""
    accounts_a_region: int = 5
    sign_up_share: float = 0.04
    sign_in_share: float = 0.08


class Browsing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    think_seconds: float
    mean_segments: float
    heartbeat_seconds: float


class Buffer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    max_seconds: float
    reservoir_seconds: float
    cushion_seconds: float


class Patience(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    start_deadline_seconds: float
    stall_seconds: float
    retry_pause_seconds: float


class Keeping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a player keeps its viewer's place, and who looks for it from another region after leaving."""

    every_seconds: float = 8.0
    travel_share: float = 0.1
    travel_patience_seconds: float = 20.0


class Paying(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who pays for this month, and for how long they ask whether it is done."""

    share: float = 0.2
    patience_seconds: float = 20.0


class Titles(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How popular titles are: the title of rank r is chosen with a weight of 1 / r ** zipf_exponent."""

    zipf_exponent: float = 0.0


class Behaviour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`regions` are the shares of viewers at home in each; when empty, the regions take turns.

    `providers` are the shares of those who come by each internet provider (by its short name), in every region; when
    empty, those that the providers themselves have (delivery/providers.yaml).

    With `stores_licences` devices ask for licences that they may store, as for what is to be watched in a train.
    """

    devices: tuple[Device, ...]
    arriving: Arriving = Arriving()
    browsing: Browsing
    buffer: Buffer
    patience: Patience
    progress: Keeping = Keeping()
    paying: Paying = Paying()
    titles: Titles = Titles()
    stores_licences: bool = False
    regions: dict[str, float] = {}
    providers: dict[str, float] = {}


def shipped_behaviour() -> Behaviour:
    text = Path(__file__).with_name("behaviour.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), Behaviour)
