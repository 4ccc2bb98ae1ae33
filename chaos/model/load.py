"""Where load comes from: Locust in a child process, or a simulation."""

from __future__ import annotations

from typing import Protocol

from chaos.model.sample import LoadReport


class LoadSource(Protocol):
    """Starts, is polled without blocking, and stops. Raises BadInput when it cannot be started."""

    def start(self) -> None: ...

    def poll(self) -> tuple[LoadReport, ...]:
        """All reports since the last poll. Raises ChaosError when the generator has died."""
        ...

    def stop(self) -> None:
        """Ask it to end its arrivals and drain; the last report of a later poll has `finished`."""
        ...

    def kill(self) -> None:
        """End it now."""
        ...
