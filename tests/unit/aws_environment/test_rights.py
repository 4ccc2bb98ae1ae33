"""The policy of an experiment: no fault without its rights, and none without a tag where the service knows tags."""

from __future__ import annotations

import re

import msgspec
import pytest

from chaos.catalog import Catalog
from chaos.environments.aws import policies
from chaos.environments.aws.settings import Settings

_OURS = [name for name in Catalog().names("faults") if name.startswith("aws/")]
_SETTINGS = Settings(account="123456789012", regions=("eu-west-1",))


@pytest.mark.parametrize("name", _OURS)
def test_every_fault_has_rights_that_iam_could_know(name: str) -> None:
    capability = Catalog().fault(name).needs
    assert policies.OF_CAPABILITY[capability]
    document = msgspec.json.decode(policies.policy(_SETTINGS, [capability]))
    asked = document["Statement"][1:]
    actions = [action for statement in asked for action in statement["Action"]]
    assert all(re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z]+", action) for action in actions)
    assert not any("{" in resource for statement in asked for resource in statement["Resource"])
    changing = [each for each in asked if each["Resource"] != ["*"]]
    assert changing, "what changes something is never asked for on everything"
