"""Options for environments of type aws: with which credentials, and whether it may cost something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chaos.model.environment import EnvironmentRef
    from chaos.model.system import JSON

Profile = Annotated[str, typer.Option(metavar="NAME", help="AWS: this profile, not the environment file's.")]
RoleArn = Annotated[str, typer.Option(metavar="ARN", help="AWS: assume this role, not the environment file's.")]
MayBill = Annotated[bool, typer.Option("--may-bill", help="AWS: allow what costs money, like `mayBill` of the file.")]


def account_settings(profile: str, role_arn: str, may_bill: bool = False) -> dict[str, JSON]:
    """What was given, as an environment's settings have it."""
    given: dict[str, JSON] = {"profile": profile, "role_arn": role_arn, "may_bill": may_bill}
    return {key: value for key, value in given.items() if value}


def with_settings(ref: EnvironmentRef, given: Mapping[str, JSON]) -> EnvironmentRef:
    """An environment with some settings changed; what is kept in journals has them, too.

    Raises BadInput for another type of environment, and for values that its file could not have.
    """
    if not given:
        return ref
    from msgspec import ValidationError, convert, structs

    if any(each.kind == "aws" for each in ref.parts):
        parts = tuple(with_settings(each, given) if each.kind == "aws" else each for each in ref.parts)
        return structs.replace(ref, parts=parts)

    from chaos.environments.aws.settings import Settings
    from chaos.model.errors import BadInput

    words = " and ".join(f"--{key.replace('_', '-')}" for key in given)
    if ref.kind != "aws":
        raise BadInput(f"environment {ref.name!r} is of type {ref.kind}, and {words} is for AWS", "leave it out")
    try:
        known = {key: value for key, value in ref.settings.items() if key in Settings.__struct_fields__}
        convert({**known, **given}, Settings)
    except ValidationError as error:
        raise BadInput(f"{words}: {error}", "docs/how-to/aws.md says what an environment file may have") from error
    return structs.replace(ref, settings={**ref.settings, **given})
