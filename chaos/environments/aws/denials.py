"""Resources that refuse some actions for a while, by their own policies: CanDenyUse.

One statement is added for each injection, and it alone is taken away: what the policy says otherwise stays. It denies
until a date, so it ends by itself. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec
from msgspec import Struct

from chaos.environments.aws.account import Account
from chaos.environments.aws.answers import NotThere
from chaos.environments.aws.changes import Changes
from chaos.environments.aws.functions import end_of, ends_at
from chaos.environments.aws.records import Hold
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing, queue_url
from chaos.model.errors import ActionFailed

SID = "Steadfast"
DENIED = "deny use"
_UNUSUAL = re.compile(r"[^A-Za-z0-9]")

Document = dict[str, Any]


class Denials(Changes):
    """AWS needs some seconds to act on a policy, and compares its end with its own clock."""

    def deny_use(self, resource: str, holder: str, actions: tuple[str, ...], until: float) -> None:
        thing, policy = self._policied(resource)
        statement = {
            "Sid": _sid(holder),
            "Effect": "Deny",
            "Principal": "*",
            "Action": list(actions),
            "Resource": [thing.arn, f"{thing.arn}/*"] if thing.kind == "bucket" else thing.arn,
            "Condition": ends_at(until),
        }
        document = policy.read(self.account, thing) or {"Version": "2012-10-17", "Statement": []}
        kept = [each for each in _statements(document) if each.get("Sid") != _sid(holder)]
        policy.write(self.account, thing, {**document, "Statement": [*kept, statement]})
        self.changed()

    def allow_use(self, resource: str, holder: str) -> None:
        try:
            thing, policy = self._policied(resource)
            sid = _sid(holder)
            document = self.once_shown(
                lambda: policy.read(self.account, thing),
                lambda seen: any(each.get("Sid") == sid for each in _statements(seen)),
            )
        except NotThere:
            return  # deleted meanwhile
        statements = _statements(document)
        kept = [each for each in statements if each.get("Sid") != sid]
        if document is not None and len(kept) < len(statements):
            policy.write(self.account, thing, {**document, "Statement": kept} if kept else None)
        self.changed()

    def use_denied_until(self, resource: str, holder: str) -> float | None:
        try:
            thing, policy = self._policied(resource)
            document = self.recent(f"policy of {resource}", lambda: policy.read(self.account, thing))
        except NotThere:
            return None
        ours = (each for each in _statements(document) if each.get("Sid") == _sid(holder))
        return next((end_of(each) for each in ours), None)

    def needed_for_undo(self, resource: str) -> tuple[str, ...]:
        return self._policied(resource)[1].needs

    def denials_of(self, thing: Thing) -> Iterator[tuple[str, Hold]]:
        """The statements of ours in a thing's policy: whose, and until when."""
        for each in _statements(POLICIES[thing.kind].read(self.account, thing)):
            end, sid = end_of(each), str(each.get("Sid", ""))
            if sid.startswith(SID) and end is not None:
                yield sid.removeprefix(SID), Hold(what=DENIED, until=end)

    def _policied(self, resource: str) -> tuple[Thing, _Policy]:
        thing = self.thing(resource)
        if thing is None:
            raise NotThere(f"there is no {resource}", took_effect="no")
        if thing.kind not in POLICIES:
            said = f"{resource} is of kind {thing.kind}; policies that deny are for {', '.join(POLICIES)}"
            raise ActionFailed(said, "choose it by its label `kind`", "no")
        return thing, POLICIES[thing.kind]


class _Policy(Struct, frozen=True):
    """How a service reads and writes a resource's policy (None: it has none), and what it needs for that."""

    fetch: Callable[[Account, Thing], Any]
    put: Callable[[Account, Thing, str], object]
    drop: Callable[[Account, Thing], object]
    needs: tuple[str, ...]
    arn: str

    @property
    def looks(self) -> tuple[str, ...]:
        """Of what it needs, that which changes nothing."""
        return tuple(each for each in self.needs if each.partition(":")[2].startswith("Get"))

    def read(self, account: Account, thing: Thing) -> Document | None:
        """Raises NotThere when the resource is gone, of which S3 and DynamoDB tell a missing policy apart."""
        try:
            text = self.fetch(account, thing)
        except NotThere as error:
            if "Policy" not in error.code:
                raise
            return None
        return cast(Document, msgspec.json.decode(text)) or None if text else None

    def write(self, account: Account, thing: Thing, document: Document | None) -> None:
        if document is None:
            self.drop(account, thing)
        else:
            self.put(account, thing, msgspec.json.encode(document).decode())


def _attributes(account: Account, thing: Thing, policy: str) -> object:
    given = {"QueueUrl": queue_url(account, thing), "Attributes": {"Policy": policy}}
    return account.call("sqs", thing.region, "set_queue_attributes", **given)


def _topic(account: Account, thing: Thing, policy: str) -> object:
    given = {"TopicArn": thing.arn, "AttributeName": "Policy", "AttributeValue": policy}
    return account.call("sns", thing.region, "set_topic_attributes", **given)


def _of_resource(service: str, noun: str, by: str, arn: str) -> _Policy:
    """Of a service that has requests of their own for policies; `by` is the argument that names the resource."""

    def asked(verb: str, account: Account, thing: Thing, **given: str) -> dict[str, Any]:
        named = {by: thing.name if thing.kind == "bucket" else thing.arn}
        return account.call(service, thing.region, f"{verb}_{noun}", **named, **given)

    action = "".join(word.capitalize() for word in noun.split("_"))
    return _Policy(
        lambda account, thing: asked("get", account, thing)["Policy"],
        lambda account, thing, policy: asked("put", account, thing, Policy=policy),
        lambda account, thing: asked("delete", account, thing),
        tuple(f"{service}:{verb}{action}" for verb in ("Get", "Put", "Delete")),
        arn,
    )


POLICIES: dict[str, _Policy] = {
    "queue": _Policy(
        lambda account, thing: (
            account.call(
                "sqs",
                thing.region,
                "get_queue_attributes",
                QueueUrl=queue_url(account, thing),
                AttributeNames=["Policy"],
            )
            .get("Attributes", {})
            .get("Policy", "")
        ),
        _attributes,
        lambda account, thing: _attributes(account, thing, ""),
        ("sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:SetQueueAttributes"),
        "arn:aws:sqs:*:{account}:*",
    ),
    "topic": _Policy(
        lambda account, thing: account.call("sns", thing.region, "get_topic_attributes", TopicArn=thing.arn)[
            "Attributes"
        ]["Policy"],
        _topic,
        lambda account, thing: _topic(account, thing, ""),
        ("sns:GetTopicAttributes", "sns:SetTopicAttributes"),
        "arn:aws:sns:*:{account}:*",
    ),
    "bucket": _of_resource("s3", "bucket_policy", "Bucket", "arn:aws:s3:::*"),
    "table": _of_resource("dynamodb", "resource_policy", "ResourceArn", "arn:aws:dynamodb:*:{account}:table/*"),
    "stream": _of_resource("kinesis", "resource_policy", "ResourceARN", "arn:aws:kinesis:*:{account}:stream/*"),
}
NEEDS = tuple(Need(each.needs, (each.arn,)) for each in POLICIES.values())


def _statements(document: Document | None) -> list[Document]:
    """A policy of one statement may have it alone, without a list."""
    found = (document or {}).get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


def _sid(holder: str) -> str:
    """Names of statements are letters and digits only."""
    return SID + _UNUSUAL.sub("x", holder)
