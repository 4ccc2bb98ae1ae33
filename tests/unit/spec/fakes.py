"""Plug-ins to read files against: small ones of every role, so that these tests need no other part of chaos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import pytest
from msgspec import Meta, Struct

from chaos.model.experiment import Experiment
from chaos.spec import BadFile, read_experiment


class Latency(Struct, frozen=True, kw_only=True):
    """Answers come late."""

    target_kind: ClassVar[str] = "link"
    needs: ClassVar[type] = object
    delay_ms: Annotated[float, Meta(gt=0)]
    jitter_ms: float = 0.0


class Kill(Struct, frozen=True, kw_only=True):
    """The process dies."""

    target_kind: ClassVar[str] = "instance"
    needs: ClassVar[type] = object


class Nested(Struct, frozen=True, kw_only=True):
    burst_bytes: int
    note: str = ""


class Everything(Struct, frozen=True, kw_only=True):
    """One field of every type that a parameter may have."""

    target_kind: ClassVar[str] = "instance"
    needs: ClassVar[type] = object
    hold_seconds: float = 1.0
    grace_ms: int = 0
    loss_share: float = 0.5
    calls_per_second: float = 1.0
    burst_bytes: int = 1024
    count: int = 1
    factor: float = 1.0
    force: bool = False
    mode: Literal["soft", "hard"] = "soft"
    words: tuple[str, ...] = ()
    waits_seconds: list[float] = []
    headers: dict[str, str] = {}
    maybe_seconds: float | None = None
    nested: Nested | None = None
    extra: Any = None

    def __post_init__(self) -> None:
        if self.mode == "hard" and not self.force:
            raise ValueError("mode hard needs force")


class Http(Struct, frozen=True, kw_only=True):
    """Asks a URL."""

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["share"]] = "share"
    url: str
    every_seconds: float = 1.0


class LoadRatio(Struct, frozen=True, kw_only=True):
    """Share of requests."""

    source: ClassVar[Literal["load"]] = "load"
    measures: ClassVar[Literal["share"]] = "share"
    request: str


class LoadQuantile(Struct, frozen=True, kw_only=True):
    """Latency of requests."""

    source: ClassVar[Literal["load"]] = "load"
    measures: ClassVar[Literal["milliseconds"]] = "milliseconds"
    request: str
    quantile: Annotated[float, Meta(gt=0, lt=1)]


class Breakers(Struct, frozen=True, kw_only=True):
    """Open breakers."""

    source: ClassVar[Literal["system"]] = "system"
    measures: ClassVar[Literal["number"]] = "number"
    every_seconds: float = 1.0


class ObjectiveFloor(Struct, frozen=True, kw_only=True):
    """Stops below a floor."""

    objective: str
    floor: Annotated[float, Meta(extra={"unit": "objective"})]
    over_seconds: float = 5.0


class LocalSettings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an environment may have under `settings`."""

    state: str = ""
    retries: int = 0
    pause_seconds: float = 0.0


class FakePlugins:
    _roles: ClassVar[dict[str, dict[str, type[Any]]]] = {
        "faults": {"latency": Latency, "kill": Kill, "everything": Everything},
        "probes": {"http": Http, "load_ratio": LoadRatio, "load_quantile": LoadQuantile, "breakers": Breakers},
        "guardrails": {"objective_floor": ObjectiveFloor},
        "environments": {"local": object},
    }

    def names(self, group: str) -> tuple[str, ...]:
        return tuple(sorted(self._roles[group]))

    def fault(self, kind: str) -> type[Any]:
        return self._roles["faults"][kind]

    def probe(self, kind: str) -> type[Any]:
        return self._roles["probes"][kind]

    def settings(self, kind: str) -> type[Any]:
        return LocalSettings

    def guardrail(self, kind: str) -> type[Any]:
        return self._roles["guardrails"][kind]


PLUGINS = FakePlugins()


def read(text: str, variables: Mapping[str, str] | None = None) -> Experiment:
    return read_experiment(text, "x.yaml", PLUGINS, variables)


def errors(text: str, variables: Mapping[str, str] | None = None) -> list[str]:
    """The problems of a text, each as `line:column: path: sentence | hint`; it must have some."""
    with pytest.raises(BadFile) as caught:
        read(text, variables)
    return [problem.text("").removeprefix(":").replace("\n   ", " |") for problem in caught.value.problems]


MINIMAL = """\
apiVersion: chaos/v1
kind: Experiment
name: small
hypothesis: it holds
steadyState:
  - name: served
    probe: {http: {url: "http://127.0.0.1/"}}
    target: ">= 99%"
method:
  - fault: kill
    target: {instance: {service: edge}}
    duration: 5s
"""
"""The smallest experiment worth running; its fault stands in line 10."""
