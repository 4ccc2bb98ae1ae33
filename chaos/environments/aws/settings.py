"""What an environment file of type aws may have under `settings`: which account, which regions, what of them counts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from chaos.model.environment import BadSetting

Region = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[a-z]+)+-\d$", description='a region is written "eu-west-1":')]
RoleArn = Annotated[
    str, Meta(pattern=r"^(arn:[a-z-]+:iam::\d{12}:role/\S+)?$", description="a role is arn:aws:iam::ACCOUNT:role/NAME:")
]
Account = Annotated[str, Meta(pattern=r"^\d{12}$", description="an account is twelve digits, in quotes:")]


class TagKeys(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tags by which resources say what they are: `service` whose copy an instance is, `armed` that it may be hit."""

    service: str = "service"
    armed: str = "steadfast:armed"


class Settings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`account` is the only account that anything is done in; `regions` are those of the system under test.

    Of what is there, that counts which bears all tags of `selector`. `profile` is one of the AWS configuration, without
    it the credentials are those that any AWS tool finds; `roleArn` is a role to assume with them. `endpoint` is for an
    emulated account. `hostedZones` are ids of Route 53 zones whose weighted records send users to regions, `roles` are
    names of IAM roles that the system acts as, `templates` are those of FIS that may be started, as REGION/ID.
    What AWS bills for is refused unless `mayBill` says that it may.
    No request waits longer than `patience`; `settlesWithin` is how long a machine may take to stop, and to start;
    `consistentWithin` how long AWS may go on showing what was before a change.
    """

    account: Account
    regions: Annotated[tuple[Region, ...], Meta(min_length=1)]
    selector: dict[str, str] = {}
    profile: str = ""
    role_arn: RoleArn = ""
    endpoint: str = ""
    hosted_zones: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    may_bill: bool = False
    tags: TagKeys = TagKeys()
    load: dict[str, str] = {}
    patience_seconds: Annotated[float, Meta(gt=0)] = 10.0
    settles_within_seconds: Annotated[float, Meta(gt=0)] = 180.0
    consistent_within_seconds: Annotated[float, Meta(ge=0)] = 5.0

    def __post_init__(self) -> None:
        for index, name in enumerate(self.regions):
            if name in self.regions[:index]:
                raise BadSetting(f"{name} stands there twice", "", ("regions", index))
        if self.role_arn and self.role_arn.split(":")[4] != self.account:
            said = f"the role is one of account {self.role_arn.split(':')[4]}, not of {self.account}"
            raise BadSetting(said, "it is there that everything is done", ("role_arn",))
        for index, name in enumerate(self.templates):
            if name.partition("/")[0] not in self.regions:
                raise BadSetting(f"{name} is in none of the regions", "write REGION/ID", ("templates", index))
