"""EC2 instances, stopped and started again: CanKill. A stopped machine has its disk and its id, not its memory."""

from __future__ import annotations

from chaos.environments.aws.answers import NotThere, after_a_change
from chaos.environments.aws.looking import RUNNING, Machine
from chaos.environments.aws.opened import Opened
from chaos.environments.aws.records import Hold, key_of, tag_of
from chaos.model.capabilities import Identity, ProcessState


class Machines(Opened):
    """The tag is there before the machine is stopped, and goes after it was started."""

    def hold_down(self, instance: str, holder: str, until: float) -> None:
        region, _, id = instance.partition("/")
        was = _before(self.machine_now(instance), holder)
        tag = tag_of(holder, Hold(what="stop", until=until, was=was))
        self.account.call("ec2", region, "create_tags", Resources=[id], Tags=[tag])
        with after_a_change():
            # Force: as when power is cut, without the operating system being told.
            self.account.call("ec2", region, "stop_instances", InstanceIds=[id], Force=True)
        self.changed()

    def let_go(self, instance: str, holder: str) -> None:
        region, _, id = instance.partition("/")
        machine = self.machine_now(instance)
        if machine is None or holder not in machine.holds:
            return
        others = [hold for name, hold in machine.holds.items() if name != holder]
        if not others and machine.holds[holder].was in RUNNING:
            self._start(instance)
        tag = {"Key": key_of(holder)}
        try:
            self.account.call("ec2", region, "delete_tags", Resources=[id], Tags=[tag])
        except NotThere:
            pass  # terminated meanwhile: there is nothing left to put right
        self.changed()

    def is_held(self, instance: str, holder: str) -> bool:
        machine = self.machine(instance)
        return machine is not None and holder in machine.holds

    def live_identity(self, instance: str) -> Identity | None:
        machine = self.machine(instance)
        return machine.identity if machine else None

    def process_state(self, identity: Identity) -> ProcessState:
        """A machine that is stopping may still answer: it is gone once it has stopped."""
        machine = self.machine(f"{identity['region']}/{identity['id']}")
        gone = machine is None or machine.state == "stopped" or machine.launched != identity["launched"]
        return "gone" if gone else "running"

    def _start(self, instance: str) -> None:
        """One that is still stopping cannot be started yet."""
        region, _, id = instance.partition("/")

        def settled() -> bool:
            machine = self.machine_now(instance)
            return machine is None or machine.state != "stopping"

        self.until_settled(settled, f"{instance} has not stopped")
        machine = self.machine_now(instance)
        if machine is not None and machine.state == "stopped":
            self.account.call("ec2", region, "start_instances", InstanceIds=[id])


def _before(machine: Machine | None, holder: str) -> str:
    """In which state a machine was before any of ours: the second hold finds it stopped by the first."""
    if machine is None:
        return ""
    if holder in machine.holds:
        return machine.holds[holder].was
    first = next(iter(machine.holds.values()), None)
    return first.was if first else machine.state
