"""What the engine works with: handed in, so that a run is a function of its plan and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chaos.model.clock import Clock, Workers
from chaos.model.environment import Environment
from chaos.model.events import Recorder
from chaos.model.experiment import PluginUse
from chaos.model.fault import AnyFault
from chaos.model.guardrail import Guardrail
from chaos.model.probe import Probe


class Plugins(Protocol):
    """Makes plug-ins from what the experiment (or the journal) says of them. Raises BadInput for unknown ones."""

    def build_fault(self, use: PluginUse) -> AnyFault: ...

    def build_probe(self, use: PluginUse) -> Probe: ...

    def build_guardrail(self, use: PluginUse) -> Guardrail: ...


@dataclass(frozen=True)
class Toolbox:
    environment: Environment
    plugins: Plugins
    recorder: Recorder
    clock: Clock
    workers: Workers
