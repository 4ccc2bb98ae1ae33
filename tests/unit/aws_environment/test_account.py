"""What keeps us from even asking AWS, in words."""

from __future__ import annotations

import pytest

from chaos.environments.aws.account import Account
from chaos.environments.aws.settings import Settings
from chaos.model.errors import BadInput


def test_a_profile_that_does_not_exist_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    account = Account(Settings(account="123456789012", regions=("eu-west-1",), profile="nobody"))
    with pytest.raises(BadInput, match="nobody") as raised:
        account.call("sts", "us-east-1", "get_caller_identity")
    assert "list-profiles" in raised.value.hint
