"""One look at the system, shared by all probes of one moment."""

from __future__ import annotations

import threading

from chaos.model.environment import Arming, Environment, LeaseHolder
from chaos.model.errors import ChaosError
from chaos.model.system import Inventory


class Glance:
    """The environment as probes see it: what is there is listed once, when the first of them asks.

    Listing fifty instances takes milliseconds; fifty probes that each did so would take a tenth of a core.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._listing = threading.Lock()
        self._listed: Inventory | ChaosError | None = None
        self.ref = environment.ref

    @property
    def lock_key(self) -> str:
        return self._environment.lock_key

    def inventory(self) -> Inventory:
        with self._listing:
            if self._listed is None:
                try:
                    self._listed = self._environment.inventory()
                except ChaosError as error:
                    self._listed = error
        if isinstance(self._listed, ChaosError):
            raise self._listed
        return self._listed

    def arming(self) -> Arming:
        return self._environment.arming()

    def lease_holder(self, capability: type) -> LeaseHolder:
        return self._environment.lease_holder(capability)

    def load_settings(self) -> dict[str, str]:
        return self._environment.load_settings()

    def __getattr__(self, name: str) -> object:
        """Capabilities are the environment's own."""
        return getattr(self._environment, name)
