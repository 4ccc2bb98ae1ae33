"""What an environment file of type aws may say, and what options change of it."""

from __future__ import annotations

import pytest

from chaos.catalog import Catalog
from chaos.cli.account_options import account_settings, with_settings
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import BadInput
from chaos.spec.environment import read_environment

FILE = """
apiVersion: chaos/v1
kind: Environment
name: shop
type: aws
settings:
  account: "123456789012"
  regions: [eu-west-1]
"""
ROLE = "arn:aws:iam::123456789012:role/chaos"


def shop(more: str = "") -> EnvironmentRef:
    return read_environment(FILE + more, "shop.yaml", Catalog())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("  roleArn: chaos\n", "a role is arn:aws:iam::ACCOUNT:role/NAME"),
        ("  roleArn: arn:aws:iam::999999999999:role/chaos\n", "the role is one of account 999999999999"),
        ("  templates: [us-east-1/EXT1]\n", "us-east-1/EXT1 is in none of the regions"),
    ],
)
def test_what_cannot_be_is_said_of_the_file(more: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        shop(more)


def test_options_take_the_place_of_what_the_file_says() -> None:
    ref = with_settings(shop("  profile: theirs\n"), account_settings("mine", ROLE, may_bill=True))
    given = {"profile": "mine", "role_arn": ROLE, "may_bill": True}
    assert {key: ref.settings[key] for key in given} == given
    assert ref.settings["account"] == "123456789012"


def test_without_options_nothing_changes() -> None:
    ref = shop("  profile: theirs\n")
    assert with_settings(ref, account_settings("", "")) == ref


def test_options_are_checked_like_the_file() -> None:
    with pytest.raises(BadInput, match="--role-arn"):
        with_settings(shop(), account_settings("", "chaos"))
    with pytest.raises(BadInput, match="of type local, and --may-bill is for AWS"):
        with_settings(EnvironmentRef(kind="local", name="here"), account_settings("", "", may_bill=True))
