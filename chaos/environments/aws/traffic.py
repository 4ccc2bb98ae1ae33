"""Users sent elsewhere by DNS: CanShiftTraffic, over weighted records of Route 53.

A record leads to a region when its set identifier is the region's name, alone or before a "/". Only the weight is
changed. What it was stands in a tag of the hosted zone, one for each injection, and when that was. So shifts of one
region are a stack: one that ends before a later one leaves the weights alone, and hands on to it what was before.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-weighted.html
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any
from zlib import crc32

from chaos.environments.aws.account import GLOBAL
from chaos.environments.aws.answers import after_a_change, in_each
from chaos.environments.aws.groups import Groups
from chaos.environments.aws.records import Hold, holds_in, key_of, reading_before, tag_of, tags_in
from chaos.model.aws import Weight
from chaos.model.errors import ActionFailed

_MOST_RECORDS = 12
"""What was before must fit into the value of one tag."""


class Traffic(Groups):
    """Changes of one zone are one batch: all of its records, or none."""

    def shift(self, region: str, holder: str, weight: int, until: float) -> None:
        found = {zone: self._records(zone, region) for zone in self.settings.hosted_zones}
        if not any(found.values()):
            raise ActionFailed(f"no weighted record in {self.zones_said} leads to {region}", took_effect="no")
        for zone, records in found.items():
            if len(records) > _MOST_RECORDS:
                said = f"{len(records)} records of {zone} lead to {region}, and a tag can remember {_MOST_RECORDS}"
                raise ActionFailed(said, took_effect="no")

        def shift_in(zone: str) -> None:
            records = found[zone]
            if holder in self.zone_holds(zone):
                return
            was = ",".join(f"{_mark(record)}={record['Weight']}" for record in records)
            hold = Hold(what=f"weights of {region}", until=until, was=f"{time.time():.3f} {was}")
            self._change_tags(zone, AddTags=[tag_of(holder, hold)])
            with after_a_change():
                self._weigh(zone, records, [weight] * len(records))

        in_each([zone for zone, records in found.items() if records], shift_in)
        self.changed()

    def shift_back(self, region: str, holder: str) -> None:
        """One zone that cannot be put right does not keep the others from it."""
        failed: list[ActionFailed] = []
        for zone in self.settings.hosted_zones:
            try:
                self._shift_zone_back(zone, region, holder)
            except ActionFailed as error:
                failed.append(error)
        self.changed()
        if failed:
            raise failed[0]

    def _shift_zone_back(self, zone: str, region: str, holder: str) -> None:
        hold = self.once_shown(partial(self.zone_hold, zone, holder), lambda seen: seen is not None)
        if hold is None:
            return
        since, before, weights = _before(hold, zone)
        holds = {each: other for each, other in self.zone_holds(zone).items() if other.what == hold.what}
        begun = ((_before(other, zone)[0], each) for each, other in holds.items())
        above = min((each for each in begun if each[0] > since), default=None)
        if above is None:
            records = self._records(zone, region)
            self._weigh(zone, records, [weights.get(_mark(each), int(each["Weight"])) for each in records])
        else:
            at, other = above
            handed = Hold(what=hold.what, until=holds[other].until, was=f"{at:.3f} {before}")
            self._change_tags(zone, AddTags=[tag_of(other, handed)])
        self._change_tags(zone, RemoveTagKeys=[key_of(holder)])

    def weights(self, region: str) -> tuple[Weight, ...]:
        return self.recent(
            f"weights of {region}",
            lambda: tuple(
                Weight(f"{zone}/{record['Name']}/{record['SetIdentifier']}", int(record["Weight"]))
                for zone in self.settings.hosted_zones
                for record in self._records(zone, region)
            ),
        )

    def is_shifted(self, region: str, holder: str) -> bool:
        return any(holder in self.zone_holds(zone) for zone in self.settings.hosted_zones)

    def zone_tags(self, zone: str) -> dict[str, str]:
        given = {"ResourceType": "hostedzone", "ResourceId": zone}
        found = self.account.call("route53", GLOBAL, "list_tags_for_resource", **given)
        return tags_in(found["ResourceTagSet"]["Tags"])

    def zone_holds(self, zone: str) -> dict[str, Hold]:
        return holds_in(self.zone_tags(zone))

    def zone_hold(self, zone: str, holder: str) -> Hold | None:
        return self.zone_holds(zone).get(holder)

    def _change_tags(self, zone: str, **change: Any) -> None:
        of = {"ResourceType": "hostedzone", "ResourceId": zone}
        self.account.call("route53", GLOBAL, "change_tags_for_resource", **of, **change)

    @property
    def zones_said(self) -> str:
        return ", ".join(self.settings.hosted_zones) or "the environment's hostedZones (there are none)"

    def _records(self, zone: str, region: str) -> list[dict[str, Any]]:
        listed = self.account.pages(
            "route53", GLOBAL, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone
        )
        return [each for each in listed if "Weight" in each and each["SetIdentifier"].partition("/")[0] == region]

    def _weigh(self, zone: str, records: list[dict[str, Any]], weights: list[int]) -> None:
        changes = [
            {"Action": "UPSERT", "ResourceRecordSet": {**record, "Weight": weight}}
            for record, weight in zip(records, weights, strict=True)
        ]
        batch = {"Comment": "steadfast", "Changes": changes}
        self.account.call("route53", GLOBAL, "change_resource_record_sets", HostedZoneId=zone, ChangeBatch=batch)


def _before(hold: Hold, zone: str) -> tuple[float, str, dict[str, int]]:
    """When the shift began, in epoch seconds, and the weights from before it: as written, and by mark."""
    with reading_before(f"hosted zone {zone}"):
        since, _, written = hold.was.rpartition(" ")
        pairs = (pair.split("=") for pair in written.split(","))
        return float(since or 0), written, {mark: int(weight) for mark, weight in pairs}


def _mark(record: dict[str, Any]) -> str:
    """A short name for a record, the same whatever its weight."""
    return f"{crc32('|'.join((record['Name'], record['Type'], record['SetIdentifier'])).encode()):08x}"
