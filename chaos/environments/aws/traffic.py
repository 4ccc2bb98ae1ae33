"""Users sent elsewhere by DNS: CanShiftTraffic, over weighted records of Route 53.

A record leads to a region when its set identifier is the region's name, alone or before a "/". Only the weight is
changed. What it was stands in a tag of the hosted zone, one for each injection.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-weighted.html
"""

from __future__ import annotations

from functools import partial
from typing import Any
from zlib import crc32

from chaos.environments.aws.account import GLOBAL
from chaos.environments.aws.answers import after_a_change
from chaos.environments.aws.groups import Groups
from chaos.environments.aws.records import Hold, holds_in, key_of, tag_of, tags_in
from chaos.model.aws import Weight
from chaos.model.errors import ActionFailed

_MOST_RECORDS = 12
"""What was before must fit into the value of one tag."""


class Traffic(Groups):
    """Changes of one zone are one batch: all of its records, or none."""

    def shift(self, region: str, holder: str, weight: int, until: float) -> None:
        found = {zone: self._records(zone, region) for zone in self.settings.hosted_zones}
        if not any(found.values()):
            raise ActionFailed(f"no weighted record in {self._zones()} leads to {region}", took_effect="no")
        for zone, records in found.items():
            if not records or holder in self.zone_holds(zone):
                continue
            if len(records) > _MOST_RECORDS:
                said = f"{len(records)} records of {zone} lead to {region}, and a tag can remember {_MOST_RECORDS}"
                raise ActionFailed(said, took_effect="no")
            was = ",".join(f"{_mark(record)}={record['Weight']}" for record in records)
            tag = tag_of(holder, Hold(what=f"weights of {region}", until=until, was=was))
            given = {"ResourceType": "hostedzone", "ResourceId": zone, "AddTags": [tag]}
            self.account.call("route53", GLOBAL, "change_tags_for_resource", **given)
            with after_a_change():
                self._weigh(zone, records, [weight] * len(records))
        self.changed()

    def shift_back(self, region: str, holder: str) -> None:
        for zone in self.settings.hosted_zones:
            hold = self.once_shown(partial(self.zone_hold, zone, holder), lambda seen: seen is not None)
            if hold is None:
                continue
            before = dict(pair.split("=") for pair in hold.was.split(","))
            records = self._records(zone, region)
            weights = [int(before.get(_mark(record), record["Weight"])) for record in records]
            self._weigh(zone, records, weights)
            given = {"ResourceType": "hostedzone", "ResourceId": zone, "RemoveTagKeys": [key_of(holder)]}
            self.account.call("route53", GLOBAL, "change_tags_for_resource", **given)
        self.changed()

    def weights(self, region: str) -> tuple[Weight, ...]:
        return self.recent(
            f"weights of {region}",
            lambda: tuple(
                Weight(f"{zone}/{record['Name']}/{record['SetIdentifier']}", int(record["Weight"]))
                for zone in self.settings.hosted_zones
                for record in self._records(zone, region)
            ),
        )

    def zone_tags(self, zone: str) -> dict[str, str]:
        given = {"ResourceType": "hostedzone", "ResourceId": zone}
        found = self.account.call("route53", GLOBAL, "list_tags_for_resource", **given)
        return tags_in(found["ResourceTagSet"]["Tags"])

    def zone_holds(self, zone: str) -> dict[str, Hold]:
        return holds_in(self.zone_tags(zone))

    def zone_hold(self, zone: str, holder: str) -> Hold | None:
        return self.zone_holds(zone).get(holder)

    def _zones(self) -> str:
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


def _mark(record: dict[str, Any]) -> str:
    """A short name for a record, the same whatever its weight."""
    return f"{crc32('|'.join((record['Name'], record['Type'], record['SetIdentifier'])).encode()):08x}"
