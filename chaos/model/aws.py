"""What only an AWS account can do, one narrow capability for each of the faults in faults/aws/.

As in capabilities.py, every method is absolute and idempotent, raises ActionFailed when it could not act, and `until`
is the lease in epoch seconds, which is written onto whatever is changed, together with the holder.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from msgspec import Struct


class SubnetState(Struct, frozen=True):
    """A subnet of the system: the network ACL it has, and whether that lets nothing pass."""

    subnet: str
    acl: str
    cut: bool


class Capacity(Struct, frozen=True):
    """Of a group of machines: how many it is asked for, has, and has in service; `held` while one of our holds changes
    that."""

    wanted: int
    present: int
    in_service: int
    held: bool

    @property
    def words(self) -> str:
        return f"is to have {self.wanted} machines, has {self.present}, {self.in_service} in service"


class Weight(Struct, frozen=True):
    """A weighted DNS record that sends users to a region."""

    record: str
    weight: int


@runtime_checkable
class CanCutZone(Protocol):
    """Cut the system's subnets in a zone (empty: in the whole region) off by network ACLs that allow nothing."""

    def cut(self, region: str, zone: str, holder: str, until: float) -> None: ...

    def mend(self, region: str, holder: str) -> None: ...

    def subnets(self, region: str, zone: str) -> tuple[SubnetState, ...]: ...


@runtime_checkable
class CanSetCapacity(Protocol):
    """Ask an Auto Scaling group for fewer machines, let it start none meanwhile, and back."""

    def set_capacity(self, group: str, holder: str, wanted: int, until: float) -> None: ...

    def restore_capacity(self, group: str, holder: str) -> None: ...

    def capacity(self, group: str) -> Capacity | None:
        """None when the group does not exist any more."""
        ...


@runtime_checkable
class CanAddMachines(Protocol):
    """Ask an Auto Scaling group for more machines, at least so many as long as it lasts, and back."""

    def add_machines(self, group: str, holder: str, wanted: int, until: float) -> None: ...

    def restore_capacity(self, group: str, holder: str) -> None: ...

    def capacity(self, group: str) -> Capacity | None: ...


@runtime_checkable
class CanFailOver(Protocol):
    """Have another instance of a database become its writer."""

    def fail_over(self, cluster: str) -> None: ...

    def writer(self, cluster: str) -> str | None:
        """The instance that takes writes; None when there is no such database, no writer now, or no other instance."""
        ...


@runtime_checkable
class CanShiftTraffic(Protocol):
    """Give the weighted DNS records that lead to a region another weight, and back."""

    def shift(self, region: str, holder: str, weight: int, until: float) -> None: ...

    def shift_back(self, region: str, holder: str) -> None: ...

    def weights(self, region: str) -> tuple[Weight, ...]: ...

    def is_shifted(self, region: str, holder: str) -> bool:
        """Whether a record of this holder says that it has changed weights that lead there."""
        ...


class MachineNetwork(Struct, frozen=True):
    """Of a machine: its security groups, and whether any of them lets anything pass."""

    groups: tuple[str, ...]
    passes: bool


@runtime_checkable
class CanIsolateMachine(Protocol):
    """Give a machine a security group that allows nothing, and back those that it had."""

    def isolate_machine(self, instance: str, holder: str, until: float) -> None: ...

    def rejoin_machine(self, instance: str, holder: str) -> None: ...

    def machine_network(self, instance: str) -> MachineNetwork | None:
        """None when the machine does not exist any more."""
        ...


@runtime_checkable
class CanLimitFunction(Protocol):
    """Let a Lambda function run only so many times at once, and back."""

    def limit_function(self, function: str, holder: str, at_once: int, until: float) -> None: ...

    def unlimit_function(self, function: str, holder: str) -> None: ...

    def function_limit(self, function: str) -> int | None:
        """The concurrency that is reserved for it; None when none is, or there is no such function."""
        ...


@runtime_checkable
class CanDeny(Protocol):
    """Forbid a role some actions by a policy that ends by itself."""

    def deny(self, role: str, holder: str, actions: tuple[str, ...], until: float) -> None: ...

    def allow_again(self, role: str, holder: str) -> None: ...

    def denied_until(self, role: str, holder: str) -> float | None:
        """Epoch seconds at which the policy of this holder ends; None when the role has none."""
        ...
