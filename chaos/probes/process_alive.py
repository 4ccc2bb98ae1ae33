"""process_alive: which instances have a live process."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.environment import Environment
from chaos.model.errors import ChaosError
from chaos.model.sample import NoSample, Ratio


class ProcessAlive(Struct, frozen=True, kw_only=True):
    """Share of the instances of `service` (in `region`, or anywhere) that have a live process.

    Asks the operating system, not the service: a paused process is alive.
    """

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["share"]] = "share"

    service: str = ""
    region: str = ""
    every_seconds: float = 1.0

    def sample(self, environment: Environment) -> Ratio | NoSample:
        try:
            instances = environment.inventory().instances
        except ChaosError as error:
            return NoSample(error.message)
        wanted = [each for each in instances if self.service in ("", each.service) and self.region in ("", each.region)]
        if not wanted:
            return NoSample(f"there is no instance of service {self.service!r} in region {self.region!r}")
        return Ratio(good=sum(each.identity is not None for each in wanted), total=len(wanted))
