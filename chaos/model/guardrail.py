"""A guardrail says go or stop: before the start and on every tick. What it cannot evaluate says stop."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from chaos.model.environment import Environment
from chaos.model.experiment import Objective
from chaos.model.plan import Plan
from chaos.model.sample import Measurement


class Go(Struct, frozen=True):
    """Nothing speaks against it."""


class Stop(Struct, frozen=True):
    """`reason` is a sentence that names what was seen and the bound it broke."""

    reason: str


class Situation(Protocol):
    """What a guardrail may look at."""

    @property
    def phase(self) -> Literal["before", "during"]: ...

    @property
    def plan(self) -> Plan: ...

    @property
    def environment(self) -> Environment: ...

    @property
    def now(self) -> float:
        """Epoch seconds."""
        ...

    def objective(self, name: str) -> Objective | None: ...

    def recent(self, objective: str, seconds: float) -> Measurement | None:
        """All samples of an objective over the last seconds, merged; None without any."""
        ...


class Guardrail(Protocol):
    def check(self, situation: Situation) -> Go | Stop: ...
