"""Lambda functions that may not run, and roles that may not act: CanLimitFunction, CanDeny."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from chaos.environments.aws.account import GLOBAL
from chaos.environments.aws.answers import NotThere, after_a_change
from chaos.environments.aws.isolation import Isolation
from chaos.environments.aws.records import Hold, holds_in, key_of, reading_before, tag_of, tags_in
from chaos.environments.aws.things import Thing, tags_now
from chaos.model.errors import ActionFailed

POLICY = "steadfast-"
_UNUSUAL = re.compile(r"[^\w+=,.@-]")
_WHEN = "%Y-%m-%dT%H:%M:%SZ"


class Functions(Isolation):
    """What was reserved for a function before stands in its tag. A role's policy bears its end in its condition."""

    def limit_function(self, function: str, holder: str, at_once: int, until: float) -> None:
        self.forget()
        found = self.thing(function)
        if found is None:
            raise ActionFailed(f"there is no function {function}", took_effect="no")
        if holder not in holds_in(tags_now(self.account, found)):
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
        found = self.thing(function)
        hold = holds_in(self.tags_once_shown(found, holder)).get(holder) if found else None
        if found is None or hold is None:
            return
        with reading_before(function):
            was = int(hold.was) if hold.was else None
        if was is not None:
            self._reserve(found, was)
        else:
            self.account.call("lambda", found.region, "delete_function_concurrency", FunctionName=found.name)
        self.account.call("lambda", found.region, "untag_resource", Resource=found.arn, TagKeys=[key_of(holder)])
        self.changed()

    def tags_once_shown(self, thing: Thing, holder: str) -> dict[str, str]:
        """For an undo. Raises NotThere when the thing is gone."""
        return self.once_shown(lambda: tags_now(self.account, thing), lambda tags: holder in holds_in(tags))

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
        statement = {
            "Effect": "Deny",
            "Action": list(actions),
            "Resource": "*",
            "Condition": ends_at(until),
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
        """The policies of ours that a role has, and when each ends. Raises NotThere when there is no such role."""
        names = list(self.account.pages("iam", GLOBAL, "list_role_policies", "PolicyNames", RoleName=_bare(role)))
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
        return end_of(document["Statement"][0]) if _is_ours(document) else None

    def _reserve(self, function: Thing, at_once: int) -> None:
        given = {"FunctionName": function.name, "ReservedConcurrentExecutions": at_once}
        self.account.call("lambda", function.region, "put_function_concurrency", **given)


def _bare(role: str) -> str:
    return role.removeprefix("role/")


def _policy(holder: str) -> str:
    """Names of policies know fewer characters than holders."""
    return POLICY + _UNUSUAL.sub("_", holder)


def ends_at(until: float) -> dict[str, Any]:
    """The condition by which a statement ends by itself; `end_of` reads it."""
    return {"DateLessThan": {"aws:CurrentTime": datetime.fromtimestamp(until, UTC).strftime(_WHEN)}}


def end_of(statement: Any) -> float | None:
    """When a statement of ours ends, in epoch seconds; None when it has no such condition."""
    try:
        said = statement["Condition"]["DateLessThan"]["aws:CurrentTime"]
        return datetime.strptime(said, _WHEN).replace(tzinfo=UTC).timestamp()
    except (KeyError, TypeError, ValueError):
        return None  # somebody has changed it: it is no policy of ours any more


def _is_ours(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("Statement"), list) and bool(document["Statement"])
