"""Variables in the environment of a Lambda function: CanSetVariable. What the others hold is written nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chaos.environments.aws.account import Account
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import CanSetVariable, Seen, Values

_ACTIONS = ("lambda:GetFunctionConfiguration", "lambda:UpdateFunctionConfiguration")
_TAGS = ("lambda:ListTags", "lambda:TagResource", "lambda:UntagResource")


class Variables:
    """AWS takes all variables at once; the revision sees to it that nobody else has changed them meanwhile."""

    name = "variables"
    kind = "function"
    capability = CanSetVariable
    needs = (Need((*_ACTIONS, *_TAGS), ("arn:aws:lambda:*:{account}:function:*",), armed=True),)

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        found = self._configuration(account, thing)
        status = found.get("LastUpdateStatus", "Successful")
        variables = found.get("Environment", {}).get("Variables", {})
        return Seen({**variables}, status == "Successful", f"the last update is {status}")

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        found = self._configuration(account, thing)
        variables = {**found.get("Environment", {}).get("Variables", {}), **values}
        kept = {key: str(value) for key, value in variables.items() if value is not None}
        given = {"FunctionName": thing.name, "Environment": {"Variables": kept}}
        revision = {"RevisionId": found["RevisionId"]} if "RevisionId" in found else {}
        account.call("lambda", thing.region, "update_function_configuration", **given, **revision)

    def _configuration(self, account: Account, thing: Thing) -> dict[str, Any]:
        return account.call("lambda", thing.region, "get_function_configuration", FunctionName=thing.name)
