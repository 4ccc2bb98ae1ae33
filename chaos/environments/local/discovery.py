"""The list of instances that a region's services read, a file that the launcher writes and can spoil."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from chaos.environments.local import control
from chaos.environments.local.state import DiscoveryStatus, State
from chaos.model.capabilities import Listed
from chaos.model.errors import ActionFailed

USUAL_SECONDS = 3.0
"""The launcher writes a list every second; on a busy machine one or two of them come late."""


class _Named(Struct, frozen=True):
    """The file; docs/explanation/contracts.md."""

    as_of: float
    instances: tuple[str, ...]


class LocalDiscovery:
    """CanSpoilDiscovery. `_listed` is what the state file says, nothing when there is none."""

    def _listed(self) -> State:
        raise ActionFailed("the state file cannot be looked up")

    # parameters: those of CanSpoilDiscovery
    def spoil_discovery(
        self, region: str, holder: str, how: Literal["stale", "empty"], until: float, behind_seconds: float = 0.0
    ) -> None:
        if self._list_of(region) is None:
            raise ActionFailed(self.no_list(region), took_effect="no")
        wish = {"how": how, "until": until, "behind_seconds": behind_seconds}
        self._ask({"op": "spoil_discovery", "region": region, "holder": holder, **wish})

    def restore_discovery(self, region: str, holder: str) -> None:
        if self._list_of(region) is not None:
            self._ask({"op": "restore_discovery", "region": region, "holder": holder})

    def is_spoilt(self, region: str, holder: str) -> bool:
        found = self._list_of(region)
        return found is not None and found.spoilt_by.get(holder, 0.0) > time.time()

    def what_is_listed(self, region: str) -> Listed | None:
        found = self._list_of(region)
        try:
            named = None if found is None else msgspec.json.decode(Path(found.file).read_bytes(), type=_Named)
        except (OSError, msgspec.DecodeError):
            return None
        if named is None:
            return None
        return Listed(len(named.instances), time.time() - named.as_of, USUAL_SECONDS)

    def no_list(self, region: str) -> str:
        """Why this region's discovery cannot be spoilt; empty when it can."""
        if self._list_of(region) is not None:
            return ""
        return f"nobody tells the processes of {region} which instances exist: they have no discovery"

    def _list_of(self, region: str) -> DiscoveryStatus | None:
        return next((each for each in self._listed().discovery if each.region == region), None)

    def _ask(self, request: dict[str, object]) -> None:
        control.ask(self._listed().control, request)
