"""More of what only an AWS account can do: what strikes once, and what AWS ends by itself. See model/aws.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from msgspec import Struct


@runtime_checkable
class CanDenyUse(Protocol):
    """Have a bucket, a table, a queue, a topic or a stream refuse actions, by a statement that ends by itself."""

    def deny_use(self, resource: str, holder: str, actions: tuple[str, ...], until: float) -> None: ...

    def allow_use(self, resource: str, holder: str) -> None: ...

    def use_denied_until(self, resource: str, holder: str) -> float | None:
        """Epoch seconds at which the statement of this holder ends; None when there is none."""
        ...

    def needed_for_undo(self, resource: str) -> tuple[str, ...]:
        """Actions on it without which nobody could take the policy off. Raises ActionFailed when it can have none."""
        ...


class Boot(Struct, frozen=True):
    """Of a machine: a mark of what its console showed last, and whether AWS can reach it ("ok", "initializing")."""

    console: str
    status: str


@runtime_checkable
class CanReboot(Protocol):
    """Have a machine start anew."""

    def reboot(self, instance: str, holder: str, until: float) -> None: ...

    def rebooted(self, instance: str, holder: str) -> None:
        """Take the mark of the holder off."""
        ...

    def boot(self, instance: str) -> Boot | None:
        """None when the machine does not exist any more, or does not run."""
        ...


class Membership(Struct, frozen=True):
    """Of a machine's Auto Scaling group: what it is asked for, has in service, and why it would not replace one."""

    group: str
    wanted: int
    in_service: int
    stands_in_the_way: str = ""


@runtime_checkable
class CanTerminate(Protocol):
    """End a machine for good, which an Auto Scaling group replaces."""

    def terminate(self, instance: str) -> None: ...

    def membership(self, instance: str) -> Membership | None:
        """None when the machine is in no group."""
        ...

    def replaced(self, region: str, group: str) -> Membership | None:
        """How the group is, also when the machine is gone; None when it is gone too."""
        ...

    def is_up(self, instance: str) -> bool: ...


class Refresh(Struct, frozen=True):
    """A group's last instance refresh, as AWS has it: InProgress, Successful, Cancelled, ..."""

    id: str
    status: str
    done_percent: int = 0
    reason: str = ""

    @property
    def goes_on(self) -> bool:
        return self.status in ("Pending", "InProgress", "Cancelling", "Baking", "RollbackInProgress")


@runtime_checkable
class CanRefresh(Protocol):
    """Have an Auto Scaling group replace all of its machines, some at a time."""

    def refresh(self, group: str, holder: str, healthy_percent: int, until: float) -> None: ...

    def stop_refresh(self, group: str, holder: str) -> None: ...

    def last_refresh(self, group: str) -> Refresh | None:
        """None when there never was one."""
        ...


@runtime_checkable
class CanFailOverCache(Protocol):
    """Have another node of a cache's shard become its primary."""

    def fail_over_cache(self, cache: str, shard: str) -> None: ...

    def primary(self, cache: str, shard: str) -> str | None:
        """The node that takes writes; None when there is none now, or no such cache."""
        ...


@runtime_checkable
class CanShiftZone(Protocol):
    """Have a load balancer send nothing to a zone, by a zonal shift, which ends by itself."""

    def shift_zone(self, balancer: str, holder: str, zone: str, until: float) -> None: ...

    def unshift_zone(self, balancer: str, holder: str) -> None: ...

    def zone_shifted_until(self, balancer: str, holder: str) -> float | None:
        """Epoch seconds at which the shift of this holder ends; None when AWS applies none."""
        ...


class Command(Struct, frozen=True):
    """What became of a command on a machine: Pending, InProgress, Success, Failed, Cancelled, ..."""

    id: str
    status: str
    said: str = ""


@runtime_checkable
class CanRunDocument(Protocol):
    """Have a machine run an SSM document."""

    # parameters: what to run where, and the lease
    def run_document(
        self, instance: str, holder: str, document: str, parameters: Mapping[str, tuple[str, ...]], until: float
    ) -> None: ...

    def cancel_document(self, instance: str, holder: str) -> None: ...

    def command(self, instance: str, holder: str) -> Command | None:
        """None when none was sent for this holder."""
        ...
