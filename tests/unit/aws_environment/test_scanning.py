"""What a scan says of roles and hosted zones that the environment file names, and that do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chaos.environments.aws import AwsEnvironment
from chaos.environments.aws.account import Account
from chaos.environments.aws.answers import NotThere
from chaos.model.environment import EnvironmentRef
from chaos.model.residue import Scan
from chaos.model.system import JSON


class Sparse(Account):
    """Has a role `shop`, whose only policy goes while it is looked at, a hosted zone `Z1`, and nothing else."""

    def __init__(self) -> None:
        """Without clients."""

    def verify(self) -> None:
        """It is the right one."""

    def verify_regions(self) -> None:
        """They exist."""

    def call(self, service: str, region: str, operation: str, /, **given: Any) -> dict[str, Any]:
        if operation == "get_role_policy" or given["ResourceId"] != "Z1":
            raise NotThere(f"AWS refused {operation}: there is no such", took_effect="no")
        return {"ResourceTagSet": {"Tags": []}}

    def pages(self, service: str, region: str, operation: str, key: str, /, **given: Any) -> Iterator[Any]:
        if operation == "list_role_policies":
            if given["RoleName"] != "shop":
                raise NotThere("AWS refused iam:ListRolePolicies: there is no such", took_effect="no")
            yield "steadfast-run_1.1"


def scan(role: str, zone: str) -> Scan:
    given: dict[str, JSON] = {
        "account": "123456789012",
        "regions": ["eu-west-1"],
        "roles": [role],
        "hosted_zones": [zone],
    }
    opened = AwsEnvironment(EnvironmentRef(kind="aws", name="shop", settings=given))
    opened.account = Sparse()
    return opened.scan()


def test_who_names_what_does_not_exist_is_told_that_nothing_was_looked_at() -> None:
    seen = scan("shopp", "Z11")
    assert [each.where for each in seen.unseen] == ["policies of role/shopp", "hosted zone Z11"]
    assert [each.hint.partition("`")[2].partition("`")[0] for each in seen.unseen] == ["roles", "hostedZones"]
    assert all("there is no such" in each.why for each in seen.unseen)


def test_what_is_gone_since_it_was_listed_is_nothing_to_look_at() -> None:
    assert scan("shop", "Z1") == Scan(found=())
