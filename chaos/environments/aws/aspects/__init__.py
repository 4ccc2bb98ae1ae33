"""Settings of resources that faults give other values: one file for each service. A new one adds its line here."""

from __future__ import annotations

from chaos.environments.aws.aspects.aspect import Aspect
from chaos.environments.aws.aspects.checks import Inversion
from chaos.environments.aws.aspects.groups import Processes, Zones
from chaos.environments.aws.aspects.nodes import Nodes
from chaos.environments.aws.aspects.queues import Attributes
from chaos.environments.aws.aspects.services import Tasks
from chaos.environments.aws.aspects.streams import Shards
from chaos.environments.aws.aspects.targets import Targets
from chaos.environments.aws.aspects.topics import Deliveries
from chaos.environments.aws.aspects.variables import Variables

_ALL: tuple[Aspect, ...] = (
    Attributes(),
    Deliveries(),
    Inversion(),
    Nodes(),
    Processes(),
    Shards(),
    Targets(),
    Tasks(),
    Variables(),
    Zones(),
)
OF_CAPABILITY: dict[type, Aspect] = {each.capability: each for each in _ALL}
NAMED: dict[str, Aspect] = {each.name: each for each in _ALL}
