"""Which actions of IAM requests need, by botocore's own models of the services; and which a policy allows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from urllib.parse import parse_qsl

from botocore.model import OperationModel
from botocore.session import get_session

from tests.cloud.standin import Asked

_PREFIX = {"tagging": "tag"}
"""Of IAM's actions, where it is not the service that a request is signed for."""

_MODEL = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
"""Botocore's name of a service, where it is not that either."""

_NEEDS_NONE = {"sts:GetCallerIdentity"}
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""

_AS_WELL = {
    "ec2:CreateNetworkAcl": "ec2:CreateTags",
    "fis:StartExperiment": "fis:TagResource",
}
"""Requests that give tags to what they make. https://docs.aws.amazon.com/service-authorization/latest/reference/"""


def needed(asked: Iterable[Asked]) -> set[str]:
    """E.g. {"ec2:StopInstances"}."""
    actions = {f"{_PREFIX.get(each.service, each.service)}:{_operation(each)}" for each in asked}
    return (actions | {_AS_WELL[each] for each in actions & _AS_WELL.keys()}) - _NEEDS_NONE


def allowed(policy: str) -> set[str]:
    return {action for statement in json.loads(policy)["Statement"] for action in statement["Action"]}


def _operation(asked: Asked) -> str:
    if " " not in asked.action and asked.action:
        return asked.action
    method, _, target = asked.line.partition(" ")
    path, _, query = target.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True)).keys()
    fits = [
        (len(keys), name)
        for name, of, pattern, keys in _by_path(asked.service)
        if of == method and keys <= given and pattern.fullmatch(path)
    ]
    assert fits, f"no operation of {asked.service} is asked for by {asked.line}"
    return max(fits)[1]


@cache
def _by_path(service: str) -> list[tuple[str, str, re.Pattern[str], frozenset[str]]]:
    """Name, method, pattern of the path, and what must be in the query."""
    model = get_session().get_service_model(_MODEL.get(service, service))
    return [_told(model.operation_model(name)) for name in model.operation_names]


def _told(operation: OperationModel) -> tuple[str, str, re.Pattern[str], frozenset[str]]:
    path, _, query = str(operation.http["requestUri"]).partition("?")
    parts = re.split(r"(\{[^}]+\})", path.rstrip("/"))
    pattern = "".join(
        (".+" if part.endswith("+}") else "[^/]+") if part.startswith("{") else re.escape(part) for part in parts
    )
    keys = frozenset(dict(parse_qsl(query, keep_blank_values=True)))
    return operation.name, str(operation.http["method"]), re.compile(pattern + "/?"), keys
