"""Route 53 health checks whose verdict is turned round: CanInvertCheck.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-creating-values.html
"""

from __future__ import annotations

from collections.abc import Iterable

from chaos.environments.aws.account import GLOBAL, Account
from chaos.environments.aws.rights import Need
from chaos.environments.aws.things import Thing
from chaos.model.aws_changes import CanInvertCheck, Seen, Values

_ACTIONS = ("route53:GetHealthCheck", "route53:UpdateHealthCheck", "route53:GetHealthCheckStatus")
_TAGS = ("route53:ListTagsForResource", "route53:ChangeTagsForResource")
_STATUS = "get_health_check_status"


class Inversion:
    """What the checkers themselves report is not turned round: it is told as well."""

    name = "inversion"
    kind = "check"
    capability = CanInvertCheck
    needs = (Need((*_ACTIONS, *_TAGS), ("arn:aws:route53:::healthcheck/*",)),)

    def read(self, account: Account, thing: Thing, settings: Iterable[str] = ()) -> Seen:
        found = account.call("route53", GLOBAL, "get_health_check", HealthCheckId=thing.name)["HealthCheck"]
        inverted = bool(found["HealthCheckConfig"].get("Inverted"))
        if found["HealthCheckConfig"]["Type"] in ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"):
            return Seen({"inverted": inverted})  # nobody knocks for these
        observed = account.call("route53", GLOBAL, _STATUS, HealthCheckId=thing.name)["HealthCheckObservations"]
        reached = sum(str(each["StatusReport"]["Status"]).startswith("Success") for each in observed)
        return Seen({"inverted": inverted}, words=f"{reached} of {len(observed)} checkers reach what it checks")

    def write(self, account: Account, thing: Thing, values: Values) -> None:
        given = {"HealthCheckId": thing.name, "Inverted": bool(values["inverted"])}
        account.call("route53", GLOBAL, "update_health_check", **given)
