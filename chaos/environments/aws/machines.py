"""EC2 instances, stopped and started again: CanKill. A stopped machine has its disk and its id, not its memory."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

from chaos.environments.aws.answers import NotNow, NotThere, after_a_change
from chaos.environments.aws.joined import Joined
from chaos.environments.aws.looking import RUNNING, Machine
from chaos.environments.aws.opened import Opened
from chaos.environments.aws.records import Hold, key_of, tag_of
from chaos.model.capabilities import Identity, ProcessState
from chaos.model.environment import EnvironmentRef

_STOP = "stop"


class Machines(Opened):
    """The tag is there before the machine is stopped, and goes after it was started.

    Its key names run and step, not the injection: a step hits a machine once, and so all tags of a step are alike.
    """

    def __init__(self, ref: EnvironmentRef) -> None:
        super().__init__(ref)
        self._joined: dict[tuple[str, ...], Joined[str, str]] = {}
        self._making = threading.Lock()

    def hold_down(self, instance: str, holder: str, until: float) -> None:
        region, _, id = instance.partition("/")
        mine = _of_step(holder)
        hold = Hold(what=_STOP, until=float(math.ceil(until)), was=_before(self.machine_now(instance), mine))
        tag = tag_of(mine, hold)
        self._together_with(id, region, "create_tags", tag["Key"], tag["Value"])
        with after_a_change():
            self._together_with(id, region, "stop_instances")
        self.changed()

    def let_go(self, instance: str, holder: str) -> None:
        region, _, id = instance.partition("/")
        mine = _of_step(holder)
        machine = self.machine_held(instance, mine)
        if machine is None:
            return
        others = [hold for name, hold in machine.holds.items() if name != mine and hold.what == _STOP]
        if not others and machine.holds[mine].was in RUNNING:
            self._start(instance)
        try:
            self._together_with(id, region, "delete_tags", key_of(mine))
        except NotThere:
            pass  # terminated meanwhile: there is nothing left to put right
        self.changed()

    def machine_held(self, instance: str, holder: str) -> Machine | None:
        """For an undo: the machine as it is now, if it bears that holder's record."""

        def holds(machine: Machine | None) -> bool:
            return machine is not None and holder in machine.holds

        machine = self.once_shown(lambda: self.machine_now(instance), holds)
        return machine if holds(machine) else None

    def is_held(self, instance: str, holder: str) -> bool:
        machine = self.machine(instance)
        return machine is not None and _of_step(holder) in machine.holds

    def live_identity(self, instance: str) -> Identity | None:
        machine = self.machine(instance)
        return machine.identity if machine else None

    def process_state(self, identity: Identity) -> ProcessState:
        """A machine that is stopping may still answer: it is gone once it has stopped."""
        machine = self.machine(f"{identity['region']}/{identity['id']}")
        gone = machine is None or machine.state == "stopped" or machine.launched != identity["launched"]
        return "gone" if gone else "running"

    def _start(self, instance: str) -> None:
        """One that is still stopping cannot be yet. AWS is told to whatever state it shows, which may be an old one."""
        region, _, id = instance.partition("/")

        def started() -> bool:
            try:
                self._together_with(id, region, "start_instances")
            except NotThere:
                return True
            except NotNow:
                return self.machine_now(instance) is None
            return True

        self.until_settled(started, f"{instance} cannot be started")

    def _together_with(self, id: str, region: str, operation: str, *tag: str) -> None:
        """Together with what other threads ask for in the same words."""
        key = (region, operation, *tag)
        with self._making:
            if key not in self._joined:
                self._joined[key] = Joined(lambda ids: self._carry(ids, region, operation, tag))
            joined = self._joined[key]
        joined.ask(id)

    def _carry(self, ids: Sequence[str], region: str, operation: str, tag: Sequence[str]) -> dict[str, str]:
        given: dict[str, object]
        if tag:
            given = {"Resources": list(ids), "Tags": [dict(zip(("Key", "Value"), tag, strict=False))]}
        else:
            given = {"InstanceIds": list(ids)}
        if operation == "stop_instances":
            given["Force"] = True  # as when power is cut, without the operating system being told
        self.account.call("ec2", region, operation, **given)
        return {}


def _of_step(holder: str) -> str:
    """RUN/1 of RUN/1.17, and of itself."""
    run, _, injection = holder.rpartition("/")
    return f"{run}/{injection.partition('.')[0]}"


def _before(machine: Machine | None, holder: str) -> str:
    """In which state a machine was before any of ours: the second hold finds it stopped by the first."""
    if machine is None:
        return ""
    if holder in machine.holds:
        return machine.holds[holder].was
    first = next((hold for hold in machine.holds.values() if hold.what == _STOP), None)
    return first.was if first else machine.state
