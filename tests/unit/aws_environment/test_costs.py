"""What AWS bills for is refused unless the environment allows it."""

from __future__ import annotations

import pytest

from chaos.environments.aws import costs
from chaos.environments.aws.settings import Settings
from chaos.model.aws_acts import CanRefresh
from chaos.model.capabilities import CanKill
from chaos.model.fis import CanRunTemplates


@pytest.mark.parametrize("capability", [CanRefresh, CanRunTemplates])
def test_what_is_billed_needs_the_word_of_whoever_pays(capability: type) -> None:
    free, paid = (Settings(account="123456789012", regions=("eu-west-1",), may_bill=may) for may in (False, True))
    refusal = costs.refusal(free, capability)
    assert "AWS bills" in refusal
    assert "`mayBill: true`" in refusal
    assert costs.refusal(paid, capability) == ""
    assert costs.refusal(free, CanKill) == ""
