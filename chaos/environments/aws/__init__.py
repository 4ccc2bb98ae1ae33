"""One AWS account, in one or several regions. Only account.py imports boto3, and only once something is asked.

Each file adds capabilities to the one below it: opened (the account, the last look), machines, networks, groups,
traffic, isolation, functions, templates, changes, denials, renewal, shifts, documents, scanning, residues, refusals,
export. What is changed bears a tag with its own record (records.py), or is a policy with its own end, so that it can be
undone without us.
"""

from __future__ import annotations

from chaos.environments.aws import costs, policies
from chaos.environments.aws.export import Exporting
from chaos.environments.aws.looking import Database, Group
from chaos.environments.aws.settings import Settings as Settings
from chaos.environments.aws.things import Thing
from chaos.model.aws import CanDeny, CanFailOver
from chaos.model.aws_acts import CanDenyUse, CanFailOverCache, CanShiftZone, CanTerminate
from chaos.model.environment import Arming, EnvironmentRef, LeaseHolder
from chaos.model.errors import ActionFailed, Refused, SystemDown
from chaos.model.system import Inventory, Region, Workload


def open_environment(ref: EnvironmentRef) -> AwsEnvironment:
    """Never fails: the account is asked at each call, so that a rollback works whatever is left."""
    return AwsEnvironment(ref)


class AwsEnvironment(Exporting):
    """The system under test is what bears the tags of the selector in the regions of the environment file."""

    @property
    def lock_key(self) -> str:
        """Systems of one account are told apart by regions and selector."""
        chosen = ",".join(f"{key}={value}" for key, value in sorted(self.settings.selector.items()))
        return f"aws/{self.settings.account}/{','.join(sorted(self.settings.regions))}/{chosen}"

    @property
    def settles_within_seconds(self) -> float:
        """Machines take their time to stop and to start."""
        return self.settings.settles_within_seconds

    def arming(self) -> Arming:
        """The file arms; that each thing which is hit bears a tag as well, the plan sees by `refusal`."""
        where = str(self.ref.settings.get("source") or "its settings")
        if self.ref.settings.get("armed") is not True:
            return Arming(False, f"{where} does not say `armed: true`")
        return Arming(True, f"{where} says `armed: true`; what is hit must bear the tag {self.settings.tags.armed}")

    def inventory(self) -> Inventory:
        """Raises SystemDown when nothing bears the selector's tags, Refused when AWS gives no answer."""
        try:
            return self.recent("inventory", self._inventory)
        except ActionFailed as error:
            raise Refused(error.message, error.hint) from error

    def _inventory(self) -> Inventory:
        self.account.verify_regions()
        looks = self.looks()
        machines = [machine for look in looks for machine in look.machines]
        workloads = [
            *(self._workload(each, "group") for look in looks for each in look.groups),
            *(self._workload(each, "database") for look in looks for each in look.databases),
            *(self._workload(each, each.kind) for look in looks for each in look.things),
            *(Workload(name=f"role/{name}", service="", labels={"kind": "role"}) for name in self.settings.roles),
            *(_template(name) for name in self.settings.templates),
        ]
        if not machines and all(each.labels["kind"] in ("role", "template") for each in workloads):
            chosen = ", ".join(f"{key}={value}" for key, value in self.settings.selector.items()) or "anything"
            hint = "is the system running, and are regions and selector right?"
            raise SystemDown(f"nothing bears {chosen} in {', '.join(self.settings.regions)}", hint)
        return Inventory(
            instances=tuple(sorted((self.instance_of(each) for each in machines), key=lambda each: each.name)),
            regions=tuple(Region(name=name) for name in sorted(self.settings.regions)),
            workloads=tuple(sorted(workloads, key=lambda each: each.name)),
        )

    def _workload(self, of: Group | Database | Thing, kind: str) -> Workload:
        service = of.tags.get(self.settings.tags.service, "")
        return Workload(name=f"{of.region}/{of.bare_name}", service=service, labels={"kind": kind, "region": of.region})

    def lease_holder(self, capability: type) -> LeaseHolder:
        """What is changed bears its expiry, and AWS acts on none of it: somebody outside has to."""
        if capability in (CanFailOver, CanFailOverCache, CanTerminate):
            return LeaseHolder("lease holder")
        if capability in (CanDeny, CanDenyUse):
            return LeaseHolder("the policy's own condition")
        if capability is CanShiftZone:
            return LeaseHolder("the shift's own expiry")
        return LeaseHolder("lease holder", detached=True)

    def note(self, capability: type) -> str:
        """What it costs, for whoever reads a plan."""
        return costs.BILLS.get(capability, "")

    def load_settings(self) -> dict[str, str]:
        return dict(self.settings.load)

    def rights(self, capabilities: list[type], with_load: bool, account: str) -> str:
        """Neither a load generator nor the name of an account changes what is needed."""
        return policies.policy(self.settings, capabilities)


def _template(name: str) -> Workload:
    return Workload(name=name, service="", labels={"kind": "template", "region": name.partition("/")[0]})
