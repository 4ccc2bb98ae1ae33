"""Machines that run an SSM document: CanRunDocument. The document's own parameters say how long it works.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from chaos.environments.aws.records import Hold
from chaos.environments.aws.rights import Need
from chaos.environments.aws.shifts import MARK, Shifts
from chaos.model.aws_acts import Command
from chaos.model.errors import ActionFailed

RUNS = "command"
GOING_ON = ("Pending", "InProgress", "Delayed", "Cancelling")
_SHORTEST_SECONDS = 30
"""For which SSM tries to reach a machine, at least."""

_MOST_CHARACTERS = 100
_DAY_SECONDS = 86400
NEEDS = (
    Need(("ssm:ListCommands", "ssm:ListCommandInvocations", "ssm:CancelCommand"), ("*",)),
    Need(("ssm:SendCommand",), ("arn:aws:ec2:*:{account}:instance/*",), armed=True),
    Need(("ssm:SendCommand",), ("arn:aws:ssm:*:*:document/*",)),
)


class Documents(Shifts):
    """A command has no tags: whose it is and until when stands in its comment."""

    # parameters: what to run where, and the lease
    def run_document(
        self, instance: str, holder: str, document: str, parameters: Mapping[str, tuple[str, ...]], until: float
    ) -> None:
        region, _, id = instance.partition("/")
        if self._sent(instance, holder) is not None:
            return
        comment = f"{MARK}{holder} {until:.0f}"
        if len(comment) > _MOST_CHARACTERS:
            raise ActionFailed(f"the name of the run is too long for a command's comment: {holder}", took_effect="no")
        lasts = max(_SHORTEST_SECONDS, round(until - time.time()))
        what = {"DocumentName": document, "Parameters": {name: list(each) for name, each in parameters.items()}}
        given = {"InstanceIds": [id], "Comment": comment, "TimeoutSeconds": lasts, **what}
        self.account.call("ssm", region, "send_command", **given)
        self.changed()

    def cancel_document(self, instance: str, holder: str) -> None:
        region, _, id = instance.partition("/")
        sent = self.once_shown(lambda: self._sent(instance, holder), lambda seen: seen is not None)
        if sent is not None and sent["Status"] in GOING_ON and sent["Status"] != "Cancelling":
            given = {"CommandId": sent["CommandId"], "InstanceIds": [id]}
            self.account.call("ssm", region, "cancel_command", **given)
        self.changed()

    def command(self, instance: str, holder: str) -> Command | None:
        region, _, id = instance.partition("/")
        sent = self._sent(instance, holder)
        if sent is None:
            return None
        given = {"CommandId": sent["CommandId"], "InstanceId": id, "Details": True}
        pages = self.account.pages("ssm", region, "list_command_invocations", "CommandInvocations", **given)
        found = next(iter(pages), None)
        if found is None:
            return Command(sent["CommandId"], "Pending")
        said = " ".join(str(each.get("Output", "")).strip() for each in found.get("CommandPlugins", ()))
        return Command(sent["CommandId"], found["Status"], said[-200:])

    def commands_left(self, region: str) -> Iterator[tuple[str, str, Hold]]:
        """Those of ours of the last day that are still going on: the machine's id, whose, and until when."""
        for sent in self._recent_commands(region):
            holder, _, until = sent["Comment"].removeprefix(MARK).rpartition(" ")
            for id in sent["InstanceIds"]:
                yield id, holder, Hold(what=RUNS, until=float(until) if until.isdigit() else 0.0)

    def _recent_commands(self, region: str) -> Iterator[dict[str, Any]]:
        after = datetime.fromtimestamp(time.time() - _DAY_SECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        given = {"Filters": [{"key": "InvokedAfter", "value": after}]}
        for sent in self.account.pages("ssm", region, "list_commands", "Commands", **given):
            if sent["Status"] in GOING_ON and str(sent.get("Comment", "")).startswith(MARK):
                yield sent

    def _sent(self, instance: str, holder: str) -> dict[str, Any] | None:
        region, _, id = instance.partition("/")
        listed = self.account.pages("ssm", region, "list_commands", "Commands", InstanceId=id)
        begins = f"{MARK}{holder} "
        return next((each for each in listed if str(each.get("Comment", "")).startswith(begins)), None)
