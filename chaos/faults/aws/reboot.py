"""aws/reboot: a machine starts anew."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from chaos.model.aws_acts import CanReboot
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Lease, Observation, Undo
from chaos.model.system import Target


class Reboot(Struct, frozen=True, kw_only=True):
    """Reboots an EC2 instance: it keeps its disk and its addresses, and loses its memory.

    Strikes once: nothing is taken back. Seen as active while AWS does not reach the machine, as passed when it does
    and the console shows another start than before. AWS says so minutes later, so give `settlesWithin` ten of them. A
    tag bears run and expiry until the end.
    """

    target_kind: ClassVar[Literal["instance"]] = "instance"
    needs: ClassVar[type] = CanReboot
    stacks: ClassVar[bool] = False

    def prepare(self, environment: CanReboot, target: Target, lease: Lease) -> Undo:
        found = environment.boot(target.name)
        if found is None or found.status != "ok":
            said = "does not run" if found is None else f"is {found.status} already"
            raise ActionFailed(f"{target.name} {said}, so nobody could see a reboot", took_effect="no")
        return Undo(target=target.name, lease=lease, data={"console": found.console})

    def inject(self, environment: CanReboot, undo: Undo) -> None:
        environment.reboot(undo.target, undo.lease.holder, undo.lease.expires_at)

    def revert(self, environment: CanReboot, undo: Undo) -> None:
        environment.rebooted(undo.target, undo.lease.holder)

    def active(self, environment: CanReboot, undo: Undo) -> Observation:
        found = environment.boot(undo.target)
        if found is None:
            return Observation(Active.PASSED, f"{undo.target} does not run any more")
        if found.status != "ok":
            return Observation(Active.YES, f"AWS finds {undo.target} {found.status}")
        if found.console == undo.data["console"]:
            return Observation(Active.NO, f"the console of {undo.target} shows what it showed before")
        return Observation(Active.PASSED, f"the console of {undo.target} shows another start, and it is reached")
