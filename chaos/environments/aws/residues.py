"""What earlier runs have left is put right, and what may not be touched is refused: CanScan, CanRefuse."""

from __future__ import annotations

from collections.abc import Callable

from chaos.environments.aws import aspects, costs
from chaos.environments.aws.denials import DENIED
from chaos.environments.aws.documents import RUNS
from chaos.environments.aws.isolation import ISOLATED
from chaos.environments.aws.records import UNREADABLE, key_of
from chaos.environments.aws.renewal import REBOOT, REFRESH
from chaos.environments.aws.scanning import Scanning
from chaos.environments.aws.shifts import SHIFTED
from chaos.model import aws as bound
from chaos.model import aws_acts as acts
from chaos.model import capabilities as portable
from chaos.model.errors import ActionFailed, ChaosError
from chaos.model.fis import CanRunTemplates
from chaos.model.residue import Residue

_CUTS: tuple[type, ...] = (portable.CanFailRegion, bound.CanCutZone)
_OF_MACHINES: tuple[type, ...] = (
    portable.CanKill,
    bound.CanIsolateMachine,
    acts.CanReboot,
    acts.CanTerminate,
    acts.CanRunDocument,
)
_OF_GROUPS: tuple[type, ...] = (
    bound.CanSetCapacity,
    bound.CanAddMachines,
    acts.CanRefresh,
    *(each.capability for each in aspects.NAMED.values() if each.kind == "group"),
)
_OF_THINGS: tuple[type, ...] = (
    bound.CanLimitFunction,
    acts.CanDenyUse,
    acts.CanFailOverCache,
    acts.CanShiftZone,
    *(each.capability for each in aspects.NAMED.values() if each.kind != "group"),
)


class Residues(Scanning):
    """Targets of residues are written as a scan writes them (scanning.py)."""

    def clear_residue(self, residue: Residue) -> None:
        if residue.what == UNREADABLE:
            said = f"the tag {key_of(residue.holder)} of {residue.target} cannot be read"
            hint = "somebody has changed it: put the resource right by hand, then remove the tag"
            raise ActionFailed(said, hint, took_effect="no")
        kind, _, name = residue.target.partition("/")
        if residue.what in aspects.NAMED:
            self.change_back(aspects.NAMED[residue.what].capability, name, residue.holder)
        elif residue.what in self._clearing():
            self._clearing()[residue.what](name, residue.holder)
        elif kind == "machine":
            self.let_go(name, residue.holder)
        elif kind == "thing":
            self.unlimit_function(name, residue.holder)
        elif kind == "role":
            self.allow_again(name, residue.holder)
        elif kind == "group":
            self.restore_capacity(name, residue.holder)
        elif kind == "acl":
            self.mend(name, residue.holder)
        elif kind == "experiment":
            self.stop_template(f"{name}/", residue.holder)
        else:
            self.shift_back(name.rpartition("/")[2], residue.holder)

    def _clearing(self) -> dict[str, Callable[[str, str], None]]:
        return {
            ISOLATED: self.rejoin_machine,
            REBOOT: self.rebooted,
            REFRESH: self.stop_refresh,
            RUNS: self.cancel_document,
            SHIFTED: self.unshift_zone,
            DENIED: self.allow_use,
        }

    def refusal(self, capability: type, target: str) -> str:
        """Only what bears the tag of the armed is hit: each machine of a region, when a region is cut off.

        Nothing is done that is billed, unless that is allowed.
        """
        try:
            return costs.refusal(self.settings, capability) or self._about(capability, target)
        except ChaosError as error:
            return error.message

    def _about(self, capability: type, target: str) -> str:
        if capability in _OF_MACHINES:
            machine = self.machine(target)
            return self._unarmed(target, machine.tags) if machine else ""
        if capability in _OF_GROUPS:
            group = self.group(target)
            return self._unarmed(target, group.tags) if group else ""
        if capability in _OF_THINGS:
            thing = self.thing(target)
            return self._unarmed(target, thing.tags) if thing else ""
        if capability is bound.CanFailOver:
            database = self.database(target)
            return self._unarmed(target, database.tags) if database else ""
        if capability is bound.CanDeny:
            return self._unarmed(target, self.role_tags(target))
        if capability is CanRunTemplates:
            return self._unarmed(target, self.template_tags(target))
        if capability is bound.CanShiftTraffic:
            said = (self._unarmed(f"hosted zone {zone}", self.zone_tags(zone)) for zone in self.settings.hosted_zones)
            return next(filter(None, said), "")
        machines = self.machines(target) if capability in _CUTS else ()
        said = (self._unarmed(each.name, each.tags) for each in machines)
        return next(filter(None, said), "")

    def _unarmed(self, name: str, tags: dict[str, str]) -> str:
        key = self.settings.tags.armed
        return "" if tags.get(key) == "true" else f"{name} does not bear the tag {key}=true, so it may not be hit"
