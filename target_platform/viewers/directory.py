"""What a player knows of the platform before its first request: the gateways of each region, and when it may move on.

On one machine it is read from the launcher's state file and the effective policies file, whose `players` part is a
player's configuration. Elsewhere CHAOS_GATEWAYS says where the gateways are, and CHAOS_PLAYERS holds that part.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import yaml
from msgspec import Struct

ASKING = {"player>gateway": "ask_gateway", "player>licence": "ask_licence", "player>edge": "ask_edge"}


class NoPlatform(Exception):
    """The platform cannot be found; the message says why."""


class PlayerPolicy(Struct, frozen=True, kw_only=True):
    """How a player asks: `deadline_ms` for one wish and all its attempts, `attempts` different servers at most.

    With failover "none" it asks for edges only the first it was told, for gateways only those of its own region. With
    failback "by-hand" it does not come back to its own region, and neither do later sessions (see dns.py). With timers
    "by-the-clock" it reports when all others do (see rhythm.py).
    """

    deadline_ms: float
    attempts: int
    failover: Literal["none", "other-region", "next-edge"] = "none"
    failback: Literal["home", "by-hand"] = "home"
    timers: Literal["spread", "by-the-clock"] = "spread"

    @property
    def moves(self) -> bool:
        return self.failover != "none"

    @property
    def comes_home(self) -> bool:
        return self.failback == "home"


class Directory(Struct, frozen=True, kw_only=True):
    """`gateways` are base URLs by region, in the order of the state file; `banks` those of all payment providers."""

    regions: tuple[str, ...]
    gateways: dict[str, tuple[str, ...]]
    banks: tuple[str, ...] = ()
    ask_gateway: PlayerPolicy = PlayerPolicy(deadline_ms=4000, attempts=4, failover="other-region")
    ask_licence: PlayerPolicy = PlayerPolicy(deadline_ms=3000, attempts=4, failover="other-region")
    ask_edge: PlayerPolicy = PlayerPolicy(deadline_ms=2000, attempts=4, failover="next-edge")

    def gateways_for(self, region: str, number: int) -> tuple[str, ...]:
        """Base URLs in the order viewer `number` of a region tries them: its own region's, then (if allowed) others'.

        Viewers of a region start at different instances, as a load balancer would spread them.
        """
        return self._gateways(region, number, self.ask_gateway)

    def licences_for(self, region: str, number: int) -> tuple[str, ...]:
        """The same for licences, which gateways hand on."""
        return self._gateways(region, number, self.ask_licence)

    def _gateways(self, region: str, number: int, policy: PlayerPolicy) -> tuple[str, ...]:
        own = _rotated(self.gateways.get(region, ()), number)
        if not policy.moves:
            return own[: policy.attempts]
        others = (_rotated(self.gateways.get(other, ()), number) for other in self.regions if other != region)
        everywhere = own + tuple(base for bases in others for base in bases)
        return everywhere[: policy.attempts]

    def gateways_elsewhere(self, region: str) -> tuple[str, ...]:
        """Base URLs of all other regions' gateways."""
        return tuple(base for other in self.regions if other != region for base in self.gateways.get(other, ()))

    def region_of(self, base: str) -> str:
        """Where the gateway with this base URL is."""
        return next(region for region, bases in self.gateways.items() if base in bases)

    def edges_of(self, offered: Sequence[str]) -> Sequence[str]:
        """Those of the edges a viewer was offered that it tries."""
        return offered[: self.ask_edge.attempts if self.ask_edge.moves else 1]


def read_directory(environ: Mapping[str, str] = os.environ) -> Directory:
    """The directory of the platform that CHAOS_GATEWAYS or else CHAOS_STATE_FILE describes. Raises NoPlatform."""
    if environ.get("CHAOS_GATEWAYS", ""):
        return _told(environ)
    path = environ.get("CHAOS_STATE_FILE", "")
    if not path:
        raise NoPlatform(
            "CHAOS_STATE_FILE is not set, nor is CHAOS_GATEWAYS: viewers need the state file of a running platform, or "
            "the addresses of its gateways."
        )
    try:
        state = msgspec.json.decode(Path(path).read_bytes(), type=_State)
    except (OSError, msgspec.DecodeError) as error:
        raise NoPlatform(f"the state file {path} cannot be read: {error}") from error
    gateways = {region: _addresses(state, region) for region in state.regions}
    if not any(gateways.values()):
        raise NoPlatform(f"the state file {path} lists no instance of the service gateway.")
    asking = _asking(_players(state.policies_file))
    banks = tuple(f"http://{each.address}" for each in state.instances if each.service == "payment")
    return Directory(regions=state.regions, gateways=gateways, banks=banks, **asking)


def _told(environ: Mapping[str, str]) -> Directory:
    """From us-east-1=http://a:80,http://b:80;eu-west-1=http://c:80, and CHAOS_BANKS with URLs in the same way."""
    gateways: dict[str, tuple[str, ...]] = {}
    for entry in _parts(environ["CHAOS_GATEWAYS"], ";"):
        region, equals, urls = entry.partition("=")
        gateways[region.strip()] = _parts(urls, ",")
        if not equals or not all(url.startswith(("http://", "https://")) for url in gateways[region.strip()]):
            raise NoPlatform(f"CHAOS_GATEWAYS: {entry!r} is not of the form REGION=URL,URL")
    if not any(gateways.values()):
        raise NoPlatform("CHAOS_GATEWAYS names no gateway.")
    try:
        players = msgspec.yaml.decode(environ.get("CHAOS_PLAYERS") or "{}", type=dict[str, PlayerPolicy])
    except msgspec.DecodeError as error:
        raise NoPlatform(f"CHAOS_PLAYERS cannot be read: {error}") from error
    banks = _parts(environ.get("CHAOS_BANKS", ""), ",")
    return Directory(regions=tuple(gateways), gateways=gateways, banks=banks, **_asking(players))


def _asking(players: Mapping[str, PlayerPolicy]) -> dict[str, PlayerPolicy]:
    return {field: players[call] for call, field in ASKING.items() if call in players}


def _parts(text: str, between: str) -> tuple[str, ...]:
    return tuple(part.strip().rstrip("/") for part in text.split(between) if part.strip())


class _Instance(Struct, frozen=True):
    service: str
    region: str
    address: str


class _State(Struct, frozen=True):
    """The part of the state file that a player needs."""

    regions: tuple[str, ...]
    instances: tuple[_Instance, ...]
    policies_file: str = ""


class _Policies(Struct, frozen=True):
    players: dict[str, PlayerPolicy] = {}


def _addresses(state: _State, region: str) -> tuple[str, ...]:
    return tuple(f"http://{i.address}" for i in state.instances if i.service == "gateway" and i.region == region)


def _players(policies_file: str) -> dict[str, PlayerPolicy]:
    """The policies' part for players; empty where there is none. A mistake must not pass for a policy."""
    if not policies_file:
        return {}
    try:
        policies = yaml.safe_load(Path(policies_file).read_text(encoding="utf-8"))
        return msgspec.convert(policies, _Policies).players
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise NoPlatform(f"the policies file {policies_file} cannot be read: {error}") from error


def _rotated(bases: tuple[str, ...], by: int) -> tuple[str, ...]:
    start = by % len(bases) if bases else 0
    return bases[start:] + bases[:start]
