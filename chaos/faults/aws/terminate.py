"""aws/terminate: a machine of an Auto Scaling group is gone for good, and the group makes another one."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.aws_acts import CanTerminate
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class Terminate(Struct, frozen=True, kw_only=True):
    """Terminates an EC2 instance of an Auto Scaling group, whose wanted capacity stays, so that it is replaced.

    Strikes once and cannot be undone: disk and memory of the machine are lost. So it is done only where a group of the
    system replaces it: not to a machine in no group, nor while the group may not launch, nor when it lacks machines
    already. Seen as active while the group has fewer in service than it wants, as passed when it has them again.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanTerminate
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanTerminate, target: Target, lease: Lease) -> Undo:
        found = environment.membership(target.name)
        if found is None:
            said = f"{target.name} is in no Auto Scaling group of the system, so nothing would replace it"
            raise ActionFailed(said, "use kill, which stops it and starts it again", took_effect="no")
        way = found.stands_in_the_way
        if not way and found.in_service < found.wanted:
            way = f"only {found.in_service} of {found.wanted} machines are in service"
        if way:
            raise ActionFailed(f"{found.group} would not replace {target.name}: {way}", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"group": found.group})

    def inject(self, environment: CanTerminate, undo: Undo) -> None:
        environment.terminate(undo.target)

    def revert(self, environment: CanTerminate, undo: Undo) -> None:
        """Nothing to do: a new machine is the group's part, and whether there is one is looked at."""

    def active(self, environment: CanTerminate, undo: Undo) -> Observation:
        if environment.is_up(undo.target):
            return Observation(Active.NO, f"{undo.target} runs")
        region, _, group = str(undo.data["group"]).partition("/")
        found = environment.replaced(region, group)
        if found is None:
            return Observation(Active.PASSED, f"{undo.target} is gone, and so is its group")
        said = f"{undo.target} is gone, {found.in_service} of {found.wanted} machines of {found.group} are in service"
        return Observation(Active.YES if found.in_service < found.wanted else Active.PASSED, said)
