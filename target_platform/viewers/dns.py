"""Which region's gateways the platform's name leads to: a viewer's own, or the one that weighted records say.

Unless somebody forgot to switch back.
"""

from __future__ import annotations

from target_platform.viewers.directory import Directory
from target_platform.viewers.route53 import WeightedNames


class Dns:
    """Shared by all viewers of one load generator, as a name server is."""

    def __init__(self, directory: Directory, names: WeightedNames | None = None) -> None:
        self._directory = directory
        self._names = names
        self._led_to: dict[str, str] = {}

    def region_for(self, home: str) -> str:
        """Where a session of a viewer who is at home there begins."""
        weighted = self._names.region() if self._names else None
        return self._led_to.get(home, weighted or home)

    def answered(self, home: str, base: str) -> None:
        """A viewer got in at the gateway `base`. Where failback is done by hand, and nobody does it, all follow."""
        if not self._directory.ask_gateway.comes_home:
            self._led_to[home] = self._directory.region_of(base)
