"""What the launcher keeps in reserve: CanCallUp. It rests because somebody of the name RESERVE holds it down."""

from __future__ import annotations

from chaos.environments.local import control
from chaos.environments.local.state import RESERVE, State
from chaos.model.errors import ActionFailed
from chaos.model.reserve import Duty

FOREVER = 4102444800.0
"""Epoch seconds: a hold must end, and this one does in the year 2100."""


class LocalReserve:
    """`_listed` is what the state file says, nothing when there is none."""

    def _listed(self) -> State:
        raise ActionFailed("the state file cannot be looked up")

    def call_up(self, instance: str) -> None:
        if self.duty(instance) is None:
            raise ActionFailed(f"{instance} is not kept in reserve", took_effect="no")
        self._order({"op": "release", "instances": [instance], "holder": RESERVE})

    def send_back(self, instance: str) -> None:
        if self.duty(instance) not in (None, "rests"):
            self._order({"op": "hold", "instances": [instance], "holder": RESERVE, "until": FOREVER})

    def duty(self, instance: str) -> Duty | None:
        found = next((each for each in self._listed().instances if each.name == instance and each.reserve), None)
        if found is None:
            return None
        if found.rests:
            return "rests" if found.pid is None else "comes"
        return "serves" if found.state == "ready" else "comes"

    def _order(self, request: dict[str, object]) -> None:
        control.ask(self._listed().control, request)
