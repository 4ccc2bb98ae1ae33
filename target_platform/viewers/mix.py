"""A mix: who the viewers are and what they do, as a file beside behaviour.yaml.

summary: "Half past eight in Europe: most watch there, on the large screen, and stay."
devices: {phone: 0.15, tablet: 0.15, tv: 0.70}      # shares; of all devices when left out, as in behaviour.yaml
regions: {eu-west-1: 0.75, us-east-1: 0.25}         # shares; viewers of all regions take turns when left out
providers: {fibre: 0.2, mobile: 0.8}                # shares of internet providers; as in providers.yaml when left out
browsing: {think_seconds: 1.0, mean_segments: 9}    # each as in behaviour.yaml when left out
titles: {zipf_exponent: 0.9}                        # 0, when left out: every title is as popular as any other
travel_share: 0.6                                   # who looks for their place from another region when they leave
plan: premium                                       # of every account; none when left out: no limit to its devices
stores_licences: true                               # devices store their licences; false when left out
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct, structs

from target_platform.delivery.providers import shipped_providers
from target_platform.viewers.behaviour import Behaviour, Device, Titles

_ROUNDING = 1e-6


class BadMix(Exception):
    """A mix cannot be used; the message says which and why."""


class MixedBrowsing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    think_seconds: float | None = None
    mean_segments: float | None = None


class Mix(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares are 0..1 and add up to 1. What is empty or None stays as behaviour.yaml has it."""

    summary: str
    devices: dict[str, float] = {}
    regions: dict[str, float] = {}
    providers: dict[str, float] = {}
    browsing: MixedBrowsing = MixedBrowsing()
    titles: Titles = Titles()
    travel_share: float | None = None
    plan: str = ""
    stores_licences: bool = False


def read_mix(path: Path, behaviour: Behaviour, regions: Collection[str]) -> Behaviour:
    """`behaviour` changed as the mix in a file says, for a platform of these regions. Raises BadMix."""
    try:
        mix = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Mix)
        return _mixed(mix, behaviour, regions)
    except OSError as error:
        raise BadMix(f"the mix {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadMix(f"the mix {path} is not text") from error
    except yaml.YAMLError as error:
        raise BadMix(f"the mix {path} is not YAML: {' '.join(str(error).split())}") from error
    except (msgspec.ValidationError, ValueError) as error:
        raise BadMix(f"the mix {path} cannot be used: {error}") from error


def _mixed(mix: Mix, behaviour: Behaviour, regions: Collection[str]) -> Behaviour:
    known = {device.name: device for device in behaviour.devices}
    _check_shares("devices", mix.devices, known)
    _check_shares("regions", mix.regions, regions)
    _check_shares("providers", mix.providers, shipped_providers().names)
    browsing = {name: value for name, value in structs.asdict(mix.browsing).items() if value is not None}
    _check_browsing(browsing)
    if not 0 <= mix.titles.zipf_exponent < math.inf:
        raise ValueError(f"titles.zipf_exponent is {mix.titles.zipf_exponent:g}, and must not be below 0")
    travels = behaviour.progress.travel_share if mix.travel_share is None else mix.travel_share
    if not 0 <= travels <= 1:
        raise ValueError(f"travel_share is {travels:g}, and a share is from 0 to 1")
    return structs.replace(
        behaviour,
        devices=tuple(_weighed(known[name], share) for name, share in mix.devices.items()) or behaviour.devices,
        regions=mix.regions,
        providers=mix.providers,
        browsing=structs.replace(behaviour.browsing, **browsing),
        titles=mix.titles,
        progress=structs.replace(behaviour.progress, travel_share=travels),
        arriving=structs.replace(behaviour.arriving, plan=mix.plan),
        stores_licences=mix.stores_licences,
    )


def _check_shares(what: str, shares: Mapping[str, float], known: Collection[str]) -> None:
    strange = next((name for name in shares if name not in known), None)
    if strange is not None:
        raise ValueError(f"{what} names {strange!r}; there are {', '.join(known)}")
    bad = next((name for name, share in shares.items() if not 0 <= share <= 1), None)
    if bad is not None:
        raise ValueError(f"{what}.{bad} is {shares[bad]:g}, and a share is from 0 to 1")
    if shares and abs(sum(shares.values()) - 1) > _ROUNDING:
        raise ValueError(f"the shares of {what} add up to {sum(shares.values()):g} and not to 1")


def _check_browsing(browsing: Mapping[str, float]) -> None:
    lowest = {"think_seconds": (0.0, "above 0"), "mean_segments": (1.0, "above 1")}
    for name, value in browsing.items():
        bound, words = lowest[name]
        if not bound < value < math.inf:
            raise ValueError(f"browsing.{name} is {value:g}, and must be {words}")


def _weighed(device: Device, share: float) -> Device:
    return structs.replace(device, weight=share)
