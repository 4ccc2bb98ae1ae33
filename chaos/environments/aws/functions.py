"""Lambda functions that may not run, and roles that may not act: CanLimitFunction, CanDeny."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from chaos.environments.aws.account import GLOBAL
from chaos.environments.aws.answers import NotThere, after_a_change
from chaos.environments.aws.isolation import Isolation
from chaos.environments.aws.looking import Function
from chaos.environments.aws.records import Hold, key_of, tag_of, tags_in
from chaos.model.errors import ActionFailed

POLICY = "steadfast-"
_UNUSUAL = re.compile(r"[^\w+=,.@-]")
_WHEN = "%Y-%m-%dT%H:%M:%SZ"


class Functions(Isolation):
    """What was reserved for a function before stands in its tag. A role's policy bears its end in its condition."""

    def limit_function(self, function: str, holder: str, at_once: int, until: float) -> None:
        self.forget()
        found = self.function(function)
        if found is None:
            raise ActionFailed(f"there is no function {function}", took_effect="no")
        if holder not in found.holds:
            before = self.function_limit(function)
            hold = Hold(what="concurrency", until=until, was="" if before is None else str(before))
            tag = tag_of(holder, hold)
            given = {"Resource": found.arn, "Tags": {tag["Key"]: tag["Value"]}}
            self.account.call("lambda", found.region, "tag_resource", **given)
        with after_a_change():
            self._reserve(found, at_once)
        self.changed()

    def unlimit_function(self, function: str, holder: str) -> None:
        self.forget()
        found = self.function(function)
        if found is None or holder not in found.holds:
            return
        was = found.holds[holder].was
        if was:
            self._reserve(found, int(was))
        else:
            self.account.call("lambda", found.region, "delete_function_concurrency", FunctionName=found.name)
        self.account.call("lambda", found.region, "untag_resource", Resource=found.arn, TagKeys=[key_of(holder)])
        self.changed()

    def function_limit(self, function: str) -> int | None:
        region, _, name = function.partition("/")
        try:
            found = self.account.call("lambda", region, "get_function_concurrency", FunctionName=name)
        except NotThere:
            return None
        reserved = found.get("ReservedConcurrentExecutions")
        return None if reserved is None else int(reserved)

    def deny(self, role: str, holder: str, actions: tuple[str, ...], until: float) -> None:
        """AWS compares the condition with its own clock; it needs some seconds to take a policy in."""
        ends = datetime.fromtimestamp(until, UTC).strftime(_WHEN)
        statement = {
            "Effect": "Deny",
            "Action": list(actions),
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:CurrentTime": ends}},
        }
        document = msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
        given = {"RoleName": _bare(role), "PolicyName": _policy(holder), "PolicyDocument": document}
        self.account.call("iam", GLOBAL, "put_role_policy", **given)

    def allow_again(self, role: str, holder: str) -> None:
        self.account.verify()
        self.once_shown(lambda: self._is_allowed_again(role, holder), bool)

    def denied_until(self, role: str, holder: str) -> float | None:
        return self._end_of(role, _policy(holder))

    def denials(self, role: str) -> dict[str, float]:
        """The policies of ours that a role has, and when each ends."""
        try:
            names = list(self.account.pages("iam", GLOBAL, "list_role_policies", "PolicyNames", RoleName=_bare(role)))
        except NotThere:
            return {}
        ours = [str(name) for name in names if str(name).startswith(POLICY)]
        ends = {name: self._end_of(role, name) for name in ours}
        return {name: end for name, end in ends.items() if end is not None}

    def role_tags(self, role: str) -> dict[str, str]:
        return tags_in(self.account.pages("iam", GLOBAL, "list_role_tags", "Tags", RoleName=_bare(role)))

    def _is_allowed_again(self, role: str, holder: str) -> bool:
        """Whether there was a policy to take away."""
        try:
            given = {"RoleName": _bare(role), "PolicyName": _policy(holder)}
            self.account.call("iam", GLOBAL, "delete_role_policy", **given)
        except NotThere:
            return False
        return True

    def _end_of(self, role: str, policy: str) -> float | None:
        try:
            given = {"RoleName": _bare(role), "PolicyName": policy}
            document = self.account.call("iam", GLOBAL, "get_role_policy", **given)["PolicyDocument"]
        except NotThere:
            return None
        return _end(document)

    def _reserve(self, function: Function, at_once: int) -> None:
        given = {"FunctionName": function.name, "ReservedConcurrentExecutions": at_once}
        self.account.call("lambda", function.region, "put_function_concurrency", **given)


def _bare(role: str) -> str:
    return role.removeprefix("role/")


def _policy(holder: str) -> str:
    """Names of policies know fewer characters than holders."""
    return POLICY + _UNUSUAL.sub("_", holder)


def _end(document: Any) -> float | None:
    try:
        said = document["Statement"][0]["Condition"]["DateLessThan"]["aws:CurrentTime"]
        return datetime.strptime(said, _WHEN).replace(tzinfo=UTC).timestamp()
    except (KeyError, IndexError, TypeError, ValueError):
        return None  # somebody has changed it: it is no policy of ours any more
