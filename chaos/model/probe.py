"""A probe measures one SLI. It never raises because the system is sick: it says why it has no sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol, runtime_checkable

from chaos.model.environment import Environment
from chaos.model.sample import LoadStream, Measurement, NoSample


@runtime_checkable
class SampledProbe(Protocol):
    """Asked by the engine every `every_seconds`, from a worker: it may block up to its own timeout."""

    source: ClassVar[Literal["system"]]
    measures: ClassVar[Literal["share", "milliseconds", "number"]]
    every_seconds: float

    def sample(self, environment: Environment) -> Measurement | NoSample: ...


@runtime_checkable
class LoadProbe(Protocol):
    """Reads its measurement off the load generator's report; no traffic of its own."""

    source: ClassVar[Literal["load"]]
    measures: ClassVar[Literal["share", "milliseconds", "number"]]

    def reduce(self, streams: Sequence[LoadStream]) -> Measurement | NoSample: ...


Probe = SampledProbe | LoadProbe
