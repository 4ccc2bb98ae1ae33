"""What a player knows of the platform before its first request: the gateways of each region, and when it may move on.

Read from the launcher's state file and the effective policies file, whose `players` part is a player's configuration.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct


class NoPlatform(Exception):
    """The platform cannot be found; the message says why."""


class Directory(Struct, frozen=True, kw_only=True):
    """`gateways` are base URLs by region, in the order of the state file."""

    regions: tuple[str, ...]
    gateways: dict[str, tuple[str, ...]]
    moves_to_next_edge: bool = True
    moves_to_other_region: bool = True

    def gateways_for(self, region: str, number: int) -> tuple[str, ...]:
        """Base URLs in the order viewer `number` of a region tries them: its own region's, then (if allowed) others'.

        Viewers of a region start at different instances, as a load balancer would spread them.
        """
        own = _rotated(self.gateways.get(region, ()), number)
        if not self.moves_to_other_region:
            return own
        others = (_rotated(self.gateways.get(other, ()), number) for other in self.regions if other != region)
        return own + tuple(base for bases in others for base in bases)


def read_directory(environ: Mapping[str, str] = os.environ) -> Directory:
    """The directory of the platform that CHAOS_STATE_FILE describes. Raises NoPlatform."""
    path = environ.get("CHAOS_STATE_FILE", "")
    if not path:
        raise NoPlatform("CHAOS_STATE_FILE is not set: viewers need the state file of a running platform.")
    try:
        state = msgspec.json.decode(Path(path).read_bytes(), type=_State)
    except (OSError, msgspec.DecodeError) as error:
        raise NoPlatform(f"the state file {path} cannot be read: {error}") from error
    gateways = {region: _addresses(state, region) for region in state.regions}
    if not any(gateways.values()):
        raise NoPlatform(f"the state file {path} lists no instance of the service gateway.")
    players = _players_policies(state.policies_file)
    return Directory(
        regions=state.regions,
        gateways=gateways,
        moves_to_next_edge=_failover(players, "player>edge", "next-edge"),
        moves_to_other_region=_failover(players, "player>gateway", "other-region"),
    )


class _Instance(Struct, frozen=True):
    service: str
    region: str
    address: str


class _State(Struct, frozen=True):
    """The part of the state file that a player needs."""

    regions: tuple[str, ...]
    instances: tuple[_Instance, ...]
    policies_file: str = ""


def _addresses(state: _State, region: str) -> tuple[str, ...]:
    return tuple(f"http://{i.address}" for i in state.instances if i.service == "gateway" and i.region == region)


def _players_policies(policies_file: str) -> dict[str, Any]:
    if not policies_file:
        return {}
    try:
        policies = yaml.safe_load(Path(policies_file).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise NoPlatform(f"the policies file {policies_file} cannot be read: {error}") from error
    players = policies.get("players") if isinstance(policies, dict) else None
    return players if isinstance(players, dict) else {}


def _failover(players: dict[str, Any], call: str, moving: str) -> bool:
    """Players move on unless the policy says "none"; any other word is a mistake that must not pass for either."""
    said = (players.get(call) or {}).get("failover", moving)
    if said not in (moving, "none", None):
        raise NoPlatform(f"players.{call}.failover is {said!r} in the policies; it can be {moving!r} or 'none'.")
    return bool(said == moving)


def _rotated(bases: tuple[str, ...], by: int) -> tuple[str, ...]:
    start = by % len(bases) if bases else 0
    return bases[start:] + bases[:start]
