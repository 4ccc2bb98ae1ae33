"""Settings of AWS resources that a fault gives other values, and back: one protocol, and what such faults share.

Each of the narrow capabilities below stands for the settings of one kind of resource; what an environment is asked for
is always named by one of them, and so are the rights that are needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal, Protocol, cast, runtime_checkable

from msgspec import Struct

from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import JSON, Target

Values = dict[str, str | int | bool | None]
"""By setting; None where it is not set, or where what it names is not there."""


class Seen(Struct, frozen=True):
    """Settings as AWS describes them now. `settled` is false while their effect is still on its way.

    `gone` are those of the settings asked for that nobody can set any more, as what they name does not exist.
    """

    values: Values
    settled: bool = True
    words: str = ""
    gone: tuple[str, ...] = ()


@runtime_checkable
class CanChange(Protocol):
    """Give settings of a resource other values, which its tags remember, and back."""

    # parameters: which settings of what, for whom, to what, until when
    def change(self, what: type, name: str, holder: str, wanted: Values, until: float) -> None: ...

    def change_back(self, what: type, name: str, holder: str) -> None:
        """Nothing happens when this holder holds nothing of it, or the resource is gone."""
        ...

    def seen(self, what: type, name: str, settings: Iterable[str] = ()) -> Seen | None:
        """None when the resource is not there. Raises ActionFailed when it is of another kind."""
        ...


RUNS, SUSPENDED = "runs", "suspended"
Process = Literal[
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
]
"""Of an Auto Scaling group."""


@runtime_checkable
class CanSuspendScaling(CanChange, Protocol):
    """Processes of an Auto Scaling group, by name: RUNS or SUSPENDED."""


@runtime_checkable
class CanLeaveZone(CanChange, Protocol):
    """Zones of an Auto Scaling group, by name: the subnets it starts machines in there, or None."""


@runtime_checkable
class CanDeregister(CanChange, Protocol):
    """Targets of a load balancer's target group, "ID:PORT": the zone they are in, or None."""


@runtime_checkable
class CanInvertCheck(CanChange, Protocol):
    """Of a Route 53 health check: `inverted`."""


@runtime_checkable
class CanSetVariable(CanChange, Protocol):
    """Variables in the environment of a Lambda function."""


@runtime_checkable
class CanSetQueue(CanChange, Protocol):
    """Attributes of an SQS queue, as SQS names them; all are text."""


@runtime_checkable
class CanSetTasks(CanChange, Protocol):
    """Of an ECS service: how many `tasks`. Tasks beyond a lower number are stopped at once."""


@runtime_checkable
class CanSetNodes(CanChange, Protocol):
    """Of an EKS node group: how many `nodes`, and `smallest`, below which it may not go."""


@runtime_checkable
class CanSetShards(CanChange, Protocol):
    """Of a Kinesis stream: how many `shards`; None for one that sizes itself."""


@runtime_checkable
class CanThrottleTopic(CanChange, Protocol):
    """Of an SNS topic: how many messages `per_second` an HTTP endpoint gets; whether it has a `policy` of its own."""


class Changing(Struct, frozen=True, kw_only=True):
    """What faults share that change settings of one resource: each adds its parameters and what it wants."""

    target_kind: ClassVar[Literal["workload"]] = "workload"
    needs: ClassVar[type] = CanChange
    stacks: ClassVar[bool] = False

    def wanted(self, now: Values) -> Values:
        """What the settings are to be, those that are as they should be included. Raises ActionFailed."""
        return {}

    def prepare(self, environment: CanChange, target: Target, lease: Lease) -> Undo:
        seen = environment.seen(self.needs, target.name)
        if seen is None:
            raise ActionFailed(f"{target.name} does not exist", took_effect="no")
        wanted = self.wanted(seen.values)
        other: Values = {key: value for key, value in wanted.items() if seen.values.get(key) != value}
        if not other:
            raise ActionFailed(f"{target.name} has {words(wanted)} already, so nothing would change", took_effect="no")
        was: Values = {key: seen.values.get(key) for key in other}
        return Undo(target=target.name, lease=lease, data={"wanted": cast(JSON, other), "was": cast(JSON, was)})

    def inject(self, environment: CanChange, undo: Undo) -> None:
        lease = undo.lease
        environment.change(self.needs, undo.target, lease.holder, _wanted(undo), lease.expires_at)

    def revert(self, environment: CanChange, undo: Undo) -> None:
        environment.change_back(self.needs, undo.target, undo.lease.holder)

    def active(self, environment: CanChange, undo: Undo) -> Observation:
        wanted = _wanted(undo)
        seen = environment.seen(self.needs, undo.target, wanted)
        if seen is None:
            return Observation(Active.NO, f"{undo.target} does not exist any more")
        now: Values = {key: seen.values.get(key) for key in wanted if key not in seen.gone}
        if not now:
            return Observation(Active.NO, f"{', '.join(wanted)} of {undo.target} do not exist any more")
        alike = [value == wanted[key] for key, value in now.items()]
        said = f"{undo.target} has {words(now)}" + (f"; {seen.words}" if seen.words else "")
        if not seen.settled or any(alike) != all(alike):
            return Observation(Active.UNKNOWN, said)
        return Observation(Active.YES if all(alike) else Active.NO, said)


def words(values: Values) -> str:
    return ", ".join(f"{key} {'not set' if value is None else value}" for key, value in values.items()) or "nothing"


def _wanted(undo: Undo) -> Values:
    return cast(Values, undo.data["wanted"])
