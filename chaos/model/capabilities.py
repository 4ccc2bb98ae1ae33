"""What an environment may be able to do. A fault names the one it needs; it never asks where it is.

Every method is absolute and idempotent, and raises ActionFailed when it could not act.
`until` and `expires_at` are epoch seconds: the lease that the environment enforces by itself.
`holder` names an injection: what two of them hold stays down until both have let go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from chaos.model.links import Heard, Knock, LinkChange, Loss
from chaos.model.system import Instance

Identity = dict[str, str | int]
ProcessState = Literal["running", "paused", "gone"]

Means = dict[str, str | int]
"""How an environment would do something to one target, found out without changing anything.

It is kept in the undo, so that a fresh process can end exactly what another one began.
"""


@runtime_checkable
class CanRefuse(Protocol):
    """Knows before anything is injected what it cannot do here: for want of rights, of a cgroup, of a mount."""

    def refusal(self, capability: type, target: str) -> str:
        """Why this capability cannot be used on this target, as a sentence; empty when it can."""
        ...


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

    def pause(self, identity: Identity, until: float) -> None:
        """Where what holds it has a timer, that is for `until`."""
        ...

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
class CanChangeLinks(Protocol):
    """Do to what passes links what networks and failing dependencies do. `name` tells one change from the others."""

    def change_links(self, links: Sequence[str], name: str, change: LinkChange, until: float) -> None: ...

    def restore_links(self, links: Sequence[str], name: str) -> None:
        """Take the change of that name off; links that do not exist any more are left out."""
        ...

    def knock(self, links: Sequence[str], patience_ms: float) -> dict[str, Knock]:
        """What each link does within that time, all at once; links that do not exist any more are left out."""
        ...

    def ask_link(self, link: str, path: str, patience_ms: float, times: int = 1) -> list[Heard]:
        """So many GETs over the link, a few at a time; an empty path is where its health is asked.

        Each has a connection of its own. None at all when there is no such link.
        """
        ...


@runtime_checkable
class CanAnswerRequests(CanChangeLinks, Protocol):
    """Changes to links may be Errors: HTTP requests over a link are answered by who carries it."""


@runtime_checkable
class CanLosePackets(Protocol):
    """Lose a share of the packets that pass links, as bad cables do: not possible where links carry streams."""

    def lose_packets(self, links: Sequence[str], name: str, loss: Loss, until: float) -> None: ...

    def stop_losing_packets(self, links: Sequence[str], name: str) -> None: ...

    def first_packets(self, link: str, count: int, patience_ms: float) -> list[bool]:
        """Of so many first packets of connections, sent once each, whether an answer came. None when there is no link.

        The patience must be below the second after which kernels send such a packet again.
        """
        ...


@runtime_checkable
class CanFailRegion(Protocol):
    """Take every instance of a region down at once and keep them down until restored or until the lease ends."""

    def fail_region(self, region: str, holder: str, until: float) -> None: ...

    def restore_region(self, region: str, holder: str) -> None: ...

    def region_instances(self, region: str) -> tuple[Instance, ...]:
        """The region's instances with the identity of what runs now (None where nothing does)."""
        ...


@runtime_checkable
class CanRestart(Protocol):
    """Kill an instance once and leave it to its supervisor."""

    def kill_once(self, identity: Identity) -> None:
        """Nothing happens when that very process is gone: its successor is another one."""
        ...

    def live_identity(self, instance: str) -> Identity | None: ...

    def process_state(self, identity: Identity) -> ProcessState: ...


@runtime_checkable
class CanFreeze(Protocol):
    """Stop all processes of an instance in one step, those it forks meanwhile included."""

    def means_to_freeze(self, identity: Identity, name: str) -> Means: ...

    def freeze(self, identity: Identity, means: Means, until: float) -> None:
        """Where what holds them has a timer, that is for `until`."""
        ...

    def thaw(self, identity: Identity, means: Means) -> None: ...

    def standing_still(self, identity: Identity, means: Means) -> tuple[int, int]:
        """How many of the instance's processes stand still, and how many there are; 0 of 0 when it is gone."""
        ...


@runtime_checkable
class CanLimitCpu(Protocol):
    """Give all processes of an instance together only a share of one core, and have them share that with a busy one."""

    def means_to_limit_cpu(self, identity: Identity, name: str) -> Means: ...

    def limit_cpu(self, identity: Identity, means: Means, left_share: float, until: float) -> None:
        """The busy neighbour ends at `until` by itself; the limit does not."""
        ...

    def lift_cpu_limit(self, identity: Identity, means: Means) -> None: ...

    def cpu_had_share(self, identity: Identity, means: Means) -> float | None:
        """What a process that wants all CPU gets of a core beside the instance; None when the instance is not limited.

        Measured by trying, for a quarter of a second.
        """
        ...


@runtime_checkable
class CanLimitMemory(Protocol):
    """Let all processes of an instance together take only so much more memory."""

    def means_to_limit_memory(self, identity: Identity, name: str) -> Means: ...

    def limit_memory(self, identity: Identity, means: Means, more_bytes: int) -> None: ...

    def lift_memory_limit(self, identity: Identity, means: Means) -> None: ...

    def memory_refused(self, identity: Identity, means: Means, more_bytes: int) -> bool | None:
        """Whether a process beside the instance is refused more than that; None when the instance is not limited."""
        ...


@runtime_checkable
class CanLimitProcesses(Protocol):
    """Let all processes of an instance together start only so many more processes and threads."""

    def means_to_limit_processes(self, identity: Identity, name: str) -> Means: ...

    def limit_processes(self, identity: Identity, means: Means, more: int) -> None: ...

    def lift_process_limit(self, identity: Identity, means: Means) -> None: ...

    def fork_refused(self, identity: Identity, means: Means, more: int) -> bool | None:
        """Whether the operating system refuses the instance more than that; None when the instance is not limited."""
        ...


class FileLimit(Struct, frozen=True):
    """What an instance may have open: `limit` as the operating system shows it, and how many more that leaves."""

    limit: int
    free: int


@runtime_checkable
class CanLimitFiles(Protocol):
    """Let an instance open only so many more files and connections."""

    def means_to_limit_files(self, identity: Identity, more: int) -> Means: ...

    def limit_files(self, identity: Identity, means: Means) -> None: ...

    def lift_file_limit(self, identity: Identity, means: Means) -> None: ...

    def file_limit(self, identity: Identity) -> FileLimit | None:
        """None when it is gone."""
        ...


@runtime_checkable
class CanFillDisk(Protocol):
    """Leave no room in an instance's data directory, which must be a small file system of its own."""

    def means_to_fill(self, instance: str, name: str) -> Means: ...

    def fill_disk(self, means: Means) -> None: ...

    def empty_disk(self, means: Means) -> None: ...

    def room_bytes(self, means: Means) -> int | None:
        """How much can still be written, found by writing; None when the directory is gone."""
        ...


class Listed(Struct, frozen=True):
    """A list of instances as its readers find it: how many it names, and how old it is by its own mark.

    `usual_seconds` is how old it never gets while all is well.
    """

    instances: int
    age_seconds: float
    usual_seconds: float


@runtime_checkable
class CanSpoilDiscovery(Protocol):
    """Have the list that a region's services read of who exists stand still ("stale") or name nobody ("empty")."""

    # parameters: a region, a lease, and how
    def spoil_discovery(
        self, region: str, holder: str, how: Literal["stale", "empty"], until: float, behind_seconds: float = 0.0
    ) -> None:
        """What stands still is the list as it was `behind_seconds` before, up to a minute."""
        ...

    def restore_discovery(self, region: str, holder: str) -> None: ...

    def is_spoilt(self, region: str, holder: str) -> bool: ...

    def what_is_listed(self, region: str) -> Listed | None:
        """The list read where the services read it; None when there is none."""
        ...
