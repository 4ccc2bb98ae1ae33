"""`chaos environments iam` of an environment with parts: one policy, of the one account that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from chaos.cli.environments import _rights
from chaos.model.errors import BadInput

EXPERIMENT = """
apiVersion: chaos/v1
kind: Experiment
name: dark
hypothesis: Something of it keeps running.
steadyState:
  - {name: some run, probe: {process_alive: {every: 1s}}, target: ">= 30%"}
method:
  - {fault: {aws/zone_outage: {zone: eu-west-1a}}, target: {region: {name: eu-west-1}}, duration: 1m}
"""


def policy(folder: Path, *parts: str) -> str:
    settings = {account: {"account": account, "regions": ["eu-west-1"]} for account in parts}
    accounts = [{"name": f"of-{each}", "type": "aws", "settings": settings[each]} for each in parts]
    listed = [{"name": "platform", "type": "local"}, *accounts]
    whole = {"apiVersion": "chaos/v1", "kind": "Environment", "name": "whole", "armed": True, "parts": listed}
    (folder / "whole.yaml").write_text(yaml.safe_dump(whole))
    (folder / "dark.yaml").write_text(EXPERIMENT)
    return _rights("aws", [str(folder / "dark.yaml")], str(folder / "whole.yaml"), "")


def test_of_two_accounts_it_is_not_guessed_which_is_meant(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"several parts of type aws \(of-123456789012, of-999999999999\)"):
        policy(tmp_path, "123456789012", "999999999999")


def test_the_only_account_among_other_parts_is_meant(tmp_path: Path) -> None:
    said = policy(tmp_path, "123456789012")
    assert "ec2:CreateNetworkAcl" in said
    assert "123456789012" in said
