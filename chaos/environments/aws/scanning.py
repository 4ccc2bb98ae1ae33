"""What earlier runs have left, found on the resources themselves: CanScanInPart.

Each place needs a right of its own. Where it is missing, that place is named, and the others are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from msgspec import Struct

from chaos.environments.aws.answers import ApiFailed, NotThere
from chaos.environments.aws.denials import POLICIES
from chaos.environments.aws.documents import Documents
from chaos.environments.aws.functions import POLICY
from chaos.environments.aws.looking import Group, Machine
from chaos.environments.aws.records import Hold, holds_in
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import EVERYWHERE, Thing
from chaos.model.residue import Residue, Scan, Unseen

_AT_ONCE = 8
_CORRECT = "nothing was looked at there: correct `{}` in the environment file"
NEEDS = (
    Need(
        (
            "ec2:DescribeNetworkAcls",
            "ssm:ListCommands",
            "arc-zonal-shift:ListZonalShifts",
            "fis:ListExperiments",
        ),
        ("*",),
    ),
    Need(("iam:ListRolePolicies", "iam:GetRolePolicy"), ("arn:aws:iam::{account}:role/*",)),
    Need(("route53:ListTagsForResource",), ("arn:aws:route53:::hostedzone/*",)),
    *(Need(each.looks, (each.arn,)) for each in POLICIES.values()),
)
"""To look; what undoes a fault is what the fault itself needs."""

_Found = Iterable[Residue]


class _Place(Struct, frozen=True):
    where: str
    look: Callable[[], _Found]
    if_missing: str = ""
    """What to do when it does not exist; empty for what AWS has listed, which may be gone since."""


class Scanning(Documents):
    """A residue's target is written KIND/REGION/NAME: machine, group, thing; or acl/REGION, weights/ZONE/REGION,
    role/NAME, experiment/REGION."""

    def residues(self) -> tuple[Residue, ...]:
        """Raises ApiFailed when one of the places could not be looked at."""
        scan = self.scan()
        if scan.unseen:
            first = scan.unseen[0]
            raise ApiFailed(f"{first.where}: {first.why}", first.hint, "no")
        return scan.found

    def scan(self) -> Scan:
        """Raises Refused, also for a region that is none; ApiFailed when AWS does not take the credentials."""
        self.account.verify()
        self.forget()
        regions = _look(_Place("the list of regions", self._regions))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            looks = [regions, *pool.map(_look, self._places())]
        found = sorted((each for look in looks if not isinstance(look, Unseen) for each in look), key=_order)
        return Scan(found=tuple(found), unseen=tuple(each for each in looks if isinstance(each, Unseen)))

    def _places(self) -> Iterator[_Place]:
        for region in self.settings.regions:
            yield _Place(f"machines of {region}", partial(self._on_machines, region))
            yield _Place(f"groups of {region}", partial(self._on_groups, region))
            yield _Place(f"network ACLs of {region}", partial(self._on_acls, region))
            yield _Place(f"commands in {region}", partial(self._commands, region))
            yield _Place(f"zonal shifts in {region}", partial(self._shifts, region))
        for region in (*self.settings.regions, EVERYWHERE):
            yield _Place(f"resources of {region}", partial(self._on_things, region))
            yield from self._policies(region)
        for role in self.settings.roles:
            yield _Place(f"policies of role/{role}", partial(self._on_role, role), _CORRECT.format("roles"))
        for zone in self.settings.hosted_zones:
            yield _Place(f"hosted zone {zone}", partial(self._on_zone, zone), _CORRECT.format("hostedZones"))
        for region in self.template_regions():
            yield _Place(f"FIS experiments in {region}", partial(self._experiments_of, region))

    def _regions(self) -> _Found:
        """In a region that does not exist there is nothing to be found, which must not look like nothing left."""
        self.account.verify_regions()
        return ()

    def _on_machines(self, region: str) -> _Found:
        return _held("machine", self.machines(region))

    def _on_groups(self, region: str) -> _Found:
        return _held("group", self.groups(region))

    def _on_things(self, region: str) -> _Found:
        return _held("thing", self.things(region))

    def _on_acls(self, region: str) -> _Found:
        return [_residue(f"acl/{region}", holder, hold) for holder, hold in self.cuts(region).items()]

    def _on_zone(self, zone: str) -> _Found:
        return [_residue(_of_weights(zone, hold), holder, hold) for holder, hold in self.zone_holds(zone).items()]

    def _on_role(self, role: str) -> _Found:
        held = {name: Hold(what="deny", until=until) for name, until in self.denials(role).items()}
        return [_residue(f"role/{role}", name.removeprefix(POLICY), hold) for name, hold in held.items()]

    def _experiments_of(self, region: str) -> _Found:
        return [_residue(f"experiment/{region}", name, hold) for name, hold in self.template_runs(region).items()]

    def _policies(self, region: str) -> Iterator[_Place]:
        """One place for each resource, whose policy alone says whose its statements are."""
        try:
            things = self.things(region)
        except ApiFailed as error:
            yield _Place(f"policies of resources of {region}", partial(_raise, error))
            return
        for thing in things:
            if thing.kind in POLICIES:
                name = f"{thing.region}/{thing.bare_name}"
                yield _Place(f"policy of {name}", partial(self._on_policy, name, thing))

    def _on_policy(self, name: str, thing: Thing) -> _Found:
        return [_residue(f"thing/{name}", holder, hold) for holder, hold in self.denials_of(thing)]

    def _shifts(self, region: str) -> _Found:
        balancers = {thing.arn: thing for thing in self.things(region) if thing.kind == "balancer"}
        shifts = self.zone_shifts(region) if balancers else ()
        here = [(balancers[arn], holder, hold) for arn, holder, hold in shifts if arn in balancers]
        return [_residue(f"thing/{region}/{thing.bare_name}", holder, hold) for thing, holder, hold in here]

    def _commands(self, region: str) -> _Found:
        machines = {machine.id for machine in self.machines(region)}
        commands = self.commands_left(region) if machines else ()
        return [_residue(f"machine/{region}/{id}", name, hold) for id, name, hold in commands if id in machines]


def _look(place: _Place) -> list[Residue] | Unseen:
    try:
        return list(place.look())
    except NotThere as error:
        if not place.if_missing:
            return []  # gone since it was listed
        return Unseen(where=place.where, why=error.message, hint=place.if_missing)
    except ApiFailed as error:
        return Unseen(where=place.where, why=error.message, hint=error.hint)


def _held(kind: str, there: Iterable[Machine | Group | Thing]) -> list[Residue]:
    return [
        _residue(f"{kind}/{each.region}/{each.bare_name}", holder, hold)
        for each in there
        for holder, hold in holds_in(each.tags).items()
    ]


def _raise(error: ApiFailed) -> _Found:
    raise error


def _of_weights(zone: str, hold: Hold) -> str:
    return f"weights/{zone}/{hold.what.rpartition(' ')[2]}"


def _residue(target: str, holder: str, hold: Hold) -> Residue:
    return Residue(target=target, holder=holder, what=hold.what, until=hold.until)


def _order(residue: Residue) -> tuple[str, str]:
    return residue.target, residue.holder
