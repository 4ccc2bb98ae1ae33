"""What may not be done, found before anything is touched: CanRefuse."""

from __future__ import annotations

from collections.abc import Mapping

from chaos.environments.aws import aspects, costs
from chaos.environments.aws.denials import POLICIES
from chaos.environments.aws.residues import Residues
from chaos.model import aws as bound
from chaos.model import aws_acts as acts
from chaos.model import capabilities as portable
from chaos.model.errors import ChaosError
from chaos.model.fis import CanRunTemplates

_CUTS: tuple[type, ...] = (portable.CanFailRegion, bound.CanCutZone)
_OF_MACHINES: tuple[type, ...] = (
    portable.CanKill,
    bound.CanIsolateMachine,
    acts.CanReboot,
    acts.CanTerminate,
    acts.CanRunDocument,
)
_KINDS: dict[type, tuple[str, ...]] = {
    bound.CanSetCapacity: ("group",),
    bound.CanAddMachines: ("group",),
    bound.CanFailOver: ("database",),
    bound.CanLimitFunction: ("function",),
    bound.CanDeny: ("role",),
    acts.CanDenyUse: tuple(POLICIES),
    acts.CanRefresh: ("group",),
    acts.CanFailOverCache: ("cache",),
    acts.CanShiftZone: ("balancer",),
    CanRunTemplates: ("template",),
    **{each.capability: (each.kind,) for each in aspects.NAMED.values()},
}
"""Of workloads: what each can be done to. A new capability adds its line here."""


class Refusing(Residues):
    """Only what bears the tag of the armed is hit; nothing is done that is billed, unless that is allowed."""

    def refusal(self, capability: type, target: str) -> str:
        """Why it may not be done to this target; empty when it may."""
        try:
            return costs.refusal(self.settings, capability) or self._about(capability, target)
        except ChaosError as error:
            return error.message

    def _about(self, capability: type, target: str) -> str:
        if capability in _KINDS:
            why = self._about_workload(_KINDS[capability], target)
            return why or (self._about_writer(target) if capability is bound.CanFailOver else "")
        if capability in _OF_MACHINES:
            machine = self.machine(target)
            return self._unarmed(target, machine.tags) if machine else ""
        if capability is bound.CanShiftTraffic:
            return self._about_traffic(target)
        machines = self.machines(target) if capability in _CUTS else ()
        said = (self._unarmed(each.name, each.tags) for each in machines)
        return next(filter(None, said), "")

    def _about_workload(self, kinds: tuple[str, ...], target: str) -> str:
        """A group, a database and a function may have one name."""
        there = self._tags_by_kind(target)
        for kind in kinds:
            if kind in there:
                return self._unarmed(target, there[kind])
        return f"{target} is of kind {next(iter(there))}, not {' or '.join(kinds)}" if there else ""

    def _about_writer(self, target: str) -> str:
        """A database that is there; one that is not is said to be gone by whoever chooses targets."""
        if self.database(target) is None or self.writer(target) is not None:
            return ""
        return f"{target} has no standby (Multi-AZ) or other instance that could take over, or no writer now"

    def _tags_by_kind(self, target: str) -> dict[str, Mapping[str, str]]:
        if target.startswith("role/"):
            return {"role": self.role_tags(target)}
        if target in self.settings.templates:
            return {"template": self.template_tags(target)}
        group, database, thing = self.group(target), self.database(target), self.thing(target)
        found = {"group": group, "database": database, thing.kind if thing else "": thing}
        return {kind: each.tags for kind, each in found.items() if each is not None}

    def _about_traffic(self, region: str) -> str:
        """The zones whose records are changed are not the region's: all of them are to be armed."""
        said = (self._unarmed(f"hosted zone {zone}", self.zone_tags(zone)) for zone in self.settings.hosted_zones)
        why = next(filter(None, said), "")
        if why or self.weights(region):
            return why
        return f"no weighted record in {self.zones_said} leads to {region}"

    def _unarmed(self, name: str, tags: Mapping[str, str]) -> str:
        key = self.settings.tags.armed
        return "" if tags.get(key) == "true" else f"{name} does not bear the tag {key}=true, so it may not be hit"
