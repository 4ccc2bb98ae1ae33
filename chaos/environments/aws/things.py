"""Resources found by their tags, which one service of AWS knows for all the others; and their tags, as they are now.

That one service hears of a new tag after a while, so what is about to be changed is asked for its tags itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

from chaos.environments.aws.account import GLOBAL, Account
from chaos.environments.aws.records import Hold, keys_of, tags_in, tags_of

EVERYWHERE = "global"
"""In place of a region, for what belongs to none."""


class Thing(Struct, frozen=True, kw_only=True):
    """A resource; `name` as its service has it (CLUSTER/NAME where that takes both)."""

    kind: str
    name: str
    region: str
    arn: str
    tags: dict[str, str]

    @property
    def bare_name(self) -> str:
        """What comes after REGION/ in the name of its workload."""
        return self.name if self.kind in ("function", "group") else f"{self.kind}/{self.name}"


_ARNS = {
    "function": r"lambda:.*:function:([^:]+)",
    "queue": r"sqs:.*:([^:]+)",
    "topic": r"sns:[^:]*:\d*:([^:]+)",
    "stream": r"kinesis:.*:stream/([^/]+)",
    "table": r"dynamodb:.*:table/([^/]+)",
    "bucket": r"s3:::([^/]+)",
    "service": r"ecs:.*:service/([^/]+/[^/]+)",
    "nodes": r"eks:.*:nodegroup/([^/]+/[^/]+)/[^/]+",
    "targets": r"elasticloadbalancing:.*:targetgroup/([^/]+)/[^/]+",
    "balancer": r"elasticloadbalancing:.*:loadbalancer/(?:app|net)/([^/]+)/[^/]+",
    "cache": r"elasticache:.*:replicationgroup:([^:]+)",
    "check": r"route53:::healthcheck/([^/]+)",
}
"""What follows "arn:PARTITION:". https://docs.aws.amazon.com/service-authorization/latest/reference/"""

_SERVICES = sorted({pattern.partition(":")[0] for kind, pattern in _ARNS.items() if kind != "check"})


def things_of(account: Account, region: str, selector: Mapping[str, str]) -> tuple[Thing, ...]:
    """All kinds in one request. Raises ApiFailed."""
    chosen = [{"Key": key, "Values": [value]} for key, value in selector.items()]
    services = ["route53"] if region == EVERYWHERE else _SERVICES
    given = {"ResourceTypeFilters": services, "TagFilters": chosen}
    asked = GLOBAL if region == EVERYWHERE else region
    found = account.pages("resourcegroupstaggingapi", asked, "get_resources", "ResourceTagMappingList", **given)
    things = (_thing(str(each["ResourceARN"]), region, tags_in(each.get("Tags", ()))) for each in found)
    return tuple(thing for thing in things if thing is not None)


def _thing(arn: str, region: str, tags: dict[str, str]) -> Thing | None:
    rest = arn.split(":", 2)[-1]
    for kind, pattern in _ARNS.items():
        if found := re.fullmatch(pattern, rest):
            return Thing(kind=kind, name=found[1], region=region, arn=arn, tags=tags)
    return None


class _Tagging(Struct, frozen=True):
    """How one service lists, adds and removes tags; `by` is the argument that names the thing."""

    service: str
    read: str
    add: str
    remove: str
    by: str
    tags: str = "Tags"
    keys: str = "TagKeys"
    shape: Literal["mapping", "Key", "key"] = "mapping"


_TAGGING = {
    "function": _Tagging("lambda", "list_tags", "tag_resource", "untag_resource", "Resource"),
    "queue": _Tagging("sqs", "list_queue_tags", "tag_queue", "untag_queue", "QueueUrl"),
    "targets": _Tagging("elbv2", "describe_tags", "add_tags", "remove_tags", "ResourceArns", shape="Key"),
    "service": _Tagging(
        "ecs", "list_tags_for_resource", "tag_resource", "untag_resource", "resourceArn", "tags", "tagKeys", "key"
    ),
    "topic": _Tagging("sns", "list_tags_for_resource", "tag_resource", "untag_resource", "ResourceArn", shape="Key"),
    "stream": _Tagging("kinesis", "list_tags_for_stream", "add_tags_to_stream", "remove_tags_from_stream", "StreamARN"),
    "nodes": _Tagging(
        "eks", "list_tags_for_resource", "tag_resource", "untag_resource", "resourceArn", "tags", "tagKeys"
    ),
}


def tags_now(account: Account, thing: Thing) -> dict[str, str]:
    """Raises NotThere when the thing is gone."""
    if thing.kind == "group":
        names = [{"Name": "auto-scaling-group", "Values": [thing.name]}]
        return tags_in(account.pages("autoscaling", thing.region, "describe_tags", "Tags", Filters=names))
    if thing.kind == "check":
        found = account.call("route53", GLOBAL, "list_tags_for_resource", **_check(thing))
        return tags_in(found["ResourceTagSet"]["Tags"])
    way = _TAGGING[thing.kind]
    found = account.call(way.service, thing.region, way.read, **_named(account, way, thing))
    if thing.kind == "targets":
        found = next(iter(found["TagDescriptions"]), {})
    tags = found.get(way.tags) or {}
    return dict(tags) if isinstance(tags, dict) else _listed(tags)


def hold(account: Account, thing: Thing, holder: str, record: Hold) -> None:
    """Let the thing's tags say who changes it, until when, and what was before."""
    tags = tags_of(holder, record)
    if thing.kind == "group":
        account.call("autoscaling", thing.region, "create_or_update_tags", Tags=_of_group(thing, tags))
    elif thing.kind == "check":
        added = [{"Key": key, "Value": value} for key, value in tags.items()]
        account.call("route53", GLOBAL, "change_tags_for_resource", **_check(thing), AddTags=added)
    else:
        way = _TAGGING[thing.kind]
        given: Any = tags
        if way.shape != "mapping":
            names = ("Key", "Value") if way.shape == "Key" else ("key", "value")
            given = [dict(zip(names, each, strict=True)) for each in tags.items()]
        account.call(way.service, thing.region, way.add, **_named(account, way, thing), **{way.tags: given})


def release(account: Account, thing: Thing, holder: str, tags: Mapping[str, str]) -> None:
    keys = keys_of(holder, tags)
    if thing.kind == "group":
        account.call("autoscaling", thing.region, "delete_tags", Tags=_of_group(thing, dict.fromkeys(keys, "")))
    elif thing.kind == "check":
        account.call("route53", GLOBAL, "change_tags_for_resource", **_check(thing), RemoveTagKeys=keys)
    else:
        way = _TAGGING[thing.kind]
        account.call(way.service, thing.region, way.remove, **_named(account, way, thing), **{way.keys: keys})


def queue_url(account: Account, thing: Thing) -> str:
    return str(account.call("sqs", thing.region, "get_queue_url", QueueName=thing.name)["QueueUrl"])


def _named(account: Account, way: _Tagging, thing: Thing) -> dict[str, Any]:
    if thing.kind == "queue":
        return {way.by: queue_url(account, thing)}
    return {way.by: [thing.arn] if way.by.endswith("s") else thing.arn}


def _check(thing: Thing) -> dict[str, str]:
    return {"ResourceType": "healthcheck", "ResourceId": thing.name}


def _of_group(thing: Thing, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    whose = {"ResourceId": thing.name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
    return [{**whose, "Key": key, "Value": value} for key, value in tags.items()]


def _listed(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return tags_in({name.capitalize(): value for name, value in each.items()} for each in tags)
