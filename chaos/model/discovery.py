"""What the faults on discovery have in common: whose list it is, and whether it can be read."""

from __future__ import annotations

from typing import Protocol

from chaos.model.capabilities import CanSpoilDiscovery, Listed
from chaos.model.environment import Environment, is_there
from chaos.model.fault import Active, Observation


class HasDiscovery(CanSpoilDiscovery, Environment, Protocol):
    """An environment whose discovery can be spoilt."""


def list_of(environment: HasDiscovery, region: str) -> Listed | Observation:
    """The list that a region's services read, or what is to be said when there is none to look at."""
    if not is_there(environment, "region", region):
        return Observation(Active.NO, f"{region} does not exist any more")
    listed = environment.what_is_listed(region)
    if listed is None:
        return Observation(Active.UNKNOWN, f"the list of instances of {region} cannot be read")
    return listed
