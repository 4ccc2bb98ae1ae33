"""What an environment may be able to do. A fault names the one it needs; it never asks where it is.

Every method is absolute and idempotent, and raises ActionFailed when it could not act.
`until` and `expires_at` are epoch seconds: the lease that the environment enforces by itself.
`holder` names an injection: what two of them hold stays down until both have let go.
"""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from chaos.model.system import Instance

Identity = dict[str, str | int]
ProcessState = Literal["running", "paused", "gone"]


@runtime_checkable
class CanKill(Protocol):
    """Kill instances at once (SIGKILL, no grace) and keep them down until let go or until the lease ends."""

    def hold_down(self, instance: str, holder: str, until: float) -> None: ...

    def let_go(self, instance: str, holder: str) -> None: ...

    def is_held(self, instance: str, holder: str) -> bool: ...

    def live_identity(self, instance: str) -> Identity | None:
        """The identity of the process that runs under this name now, as the operating system shows it."""
        ...

    def process_state(self, identity: Identity) -> ProcessState: ...


@runtime_checkable
class CanPause(Protocol):
    """Stop an instance without killing it: it keeps its memory and sockets and answers nothing."""

    def pause(self, identity: Identity) -> None: ...

    def resume(self, identity: Identity) -> None: ...

    def process_state(self, identity: Identity) -> ProcessState: ...


@runtime_checkable
class CanShapeLinks(Protocol):
    """Change what passes over a link. `name` tells this shaping from others on the same link."""

    def delay_link(self, link: str, name: str, delay_ms: float, jitter_ms: float, until: float) -> None:
        """Delay what the destination answers by delay_ms, plus or minus up to jitter_ms; order is kept."""
        ...

    def clear_link(self, link: str, name: str) -> None: ...

    def round_trip_ms(self, link: str) -> float | None:
        """One small round trip through the link, or None when the destination does not answer."""
        ...


@runtime_checkable
class CanFailRegion(Protocol):
    """Take every instance of a region down at once and keep them down until restored or until the lease ends."""

    def fail_region(self, region: str, holder: str, until: float) -> None: ...

    def restore_region(self, region: str, holder: str) -> None: ...

    def region_instances(self, region: str) -> tuple[Instance, ...]:
        """The region's instances with the identity of what runs now (None where nothing does)."""
        ...
