"""Load balancers that send nothing to a zone: CanShiftZone, by zonal shifts, which end by themselves.

https://docs.aws.amazon.com/arc-zonal-shift/latest/api/API_StartZonalShift.html
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

from chaos.environments.aws.answers import NotThere
from chaos.environments.aws.records import Hold
from chaos.environments.aws.renewal import Renewal
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.errors import ActionFailed

MARK = "steadfast "
SHIFTED = "zonal shift"
_SERVICE = "arc-zonal-shift"
_BALANCERS = ("arn:aws:elasticloadbalancing:*:{account}:loadbalancer/*",)
NEEDS = (
    Need(("arc-zonal-shift:ListZonalShifts", "ec2:DescribeAvailabilityZones"), ("*",)),
    Need(
        ("arc-zonal-shift:StartZonalShift", "arc-zonal-shift:CancelZonalShift", "arc-zonal-shift:GetManagedResource"),
        _BALANCERS,
    ),
)


class Shifts(Renewal):
    """A shift has no tags: whose it is stands in its comment."""

    def shift_zone(self, balancer: str, holder: str, zone: str, until: float) -> None:
        thing = self.thing(balancer)
        if thing is None or thing.kind != "balancer":
            hint = "choose by the label `kind: balancer`"
            raise ActionFailed(f"there is no load balancer {balancer}", hint, took_effect="no")
        if self._shift(thing, holder) is not None:
            return
        minutes = max(1, math.ceil((until - time.time()) / 60))
        given = {"resourceIdentifier": thing.arn, "awayFrom": self._zone_id(thing.region, zone)}
        comment = {"comment": MARK + holder, "expiresIn": f"{minutes}m"}
        self.account.call(_SERVICE, thing.region, "start_zonal_shift", **given, **comment)
        self.changed()

    def unshift_zone(self, balancer: str, holder: str) -> None:
        thing = self.thing(balancer)
        if thing is None:
            return
        shift = self.once_shown(lambda: self._shift(thing, holder), lambda seen: seen is not None)
        if shift is None:
            return
        try:
            given = {"zonalShiftId": shift["zonalShiftId"]}
            self.account.call(_SERVICE, thing.region, "cancel_zonal_shift", **given)
        except NotThere:
            pass  # it has ended by itself meanwhile
        self.changed()

    def zone_shifted_until(self, balancer: str, holder: str) -> float | None:
        """As the balancer itself has it: a shift that AWS has taken and does not apply is none."""
        thing = self.thing(balancer)
        shift = self._shift(thing, holder) if thing else None
        if thing is None or shift is None:
            return None
        given = {"resourceIdentifier": thing.arn}
        found = self.account.call(_SERVICE, thing.region, "get_managed_resource", **given)
        applied = {each["zonalShiftId"] for each in found["zonalShifts"] if each["appliedStatus"] == "APPLIED"}
        return shift["expiryTime"].timestamp() if shift["zonalShiftId"] in applied else None

    def zone_shifts(self, region: str) -> Iterator[tuple[str, str, Hold]]:
        """Those of ours that are going on: the balancer's ARN, whose, and until when."""
        for each in self.account.pages(_SERVICE, region, "list_zonal_shifts", "items", status="ACTIVE"):
            if each["comment"].startswith(MARK):
                hold = Hold(what=SHIFTED, until=each["expiryTime"].timestamp())
                yield each["resourceIdentifier"], each["comment"].removeprefix(MARK), hold

    def _shift(self, thing: Thing, holder: str) -> dict[str, Any] | None:
        given = {"status": "ACTIVE", "resourceIdentifier": thing.arn}
        found = self.account.pages(_SERVICE, thing.region, "list_zonal_shifts", "items", **given)
        return next((each for each in found if each["comment"] == MARK + holder), None)

    def _zone_id(self, region: str, zone: str) -> str:
        """Names of zones are an account's own; shifts know zones by ids that all accounts share."""
        listed = self.account.call("ec2", region, "describe_availability_zones")["AvailabilityZones"]
        ids = {each["ZoneName"]: str(each["ZoneId"]) for each in listed}
        if zone not in ids:
            raise ActionFailed(f"there is no zone {zone} in {region}", f"it has {', '.join(sorted(ids))}", "no")
        return ids[zone]
