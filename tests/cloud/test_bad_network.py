"""What AWS does on a bad day, brought about between boto3 and the emulated account by our own fault proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from chaos.environments.aws import account
from chaos.environments.aws.answers import refused
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active
from chaos.proxy.testing import FaultProxy, ProxiedLink
from tests.cloud.emulated import Emulated
from tests.cloud.test_faults import Stand


@pytest.fixture
def way(aws: Emulated, fault_proxy: FaultProxy) -> Iterator[ProxiedLink]:
    """From here on the account is reached through a proxy."""
    direct = aws.endpoint
    link = fault_proxy.to(direct.removeprefix("http://"))
    aws.reach(f"http://{link.address}")
    try:
        yield link
    finally:
        aws.reach(direct)


def test_a_third_of_the_connections_being_reset_changes_nothing_but_the_time(
    aws: Emulated, way: ProxiedLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That all of five are reset happens to one call in 400, and this test makes many.
    monkeypatch.setattr(account, "_ATTEMPTS", 15)
    stand = Stand(aws, "kill")
    before = stand.world()
    with way.toxic("reset_peer", stream="downstream", toxicity=0.3):
        undo = stand.prepare()
        stand.inject(undo)
        stand.becomes(undo, Active.YES)
        stand.revert(undo)
        stand.becomes(undo, Active.NO)
    assert stand.world() == before


def test_something_that_answers_for_aws_and_is_not_aws_is_said_in_a_sentence(aws: Emulated, way: ProxiedLink) -> None:
    stand = Stand(aws, "kill")
    undo = stand.prepare()
    with (
        way.toxic("http_status", stream="upstream", status=503),
        pytest.raises(ActionFailed, match=r"AWS did not answer ec2:\w+ in eu-west-1: Unable to parse"),
    ):
        stand.inject(undo)


@pytest.mark.parametrize(
    ("code", "words", "took_effect"),
    [
        ("RequestLimitExceeded", "AWS throttles ec2:StopInstances in eu-west-1", "no"),
        ("UnauthorizedOperation", "AWS does not let us do ec2:StopInstances in eu-west-1", "no"),
        ("ExpiredToken", "AWS does not accept these credentials", "no"),
        ("InternalError", "AWS refused ec2:StopInstances in eu-west-1", "unknown"),
    ],
)
def test_what_aws_refuses_is_said_in_a_sentence(code: str, words: str, took_effect: str) -> None:
    status = 500 if code == "InternalError" else 400
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    failed = refused("ec2:StopInstances in eu-west-1", ClientError(answer, "StopInstances"))
    assert words in failed.message
    assert failed.took_effect == took_effect


def test_an_answer_that_never_comes_leaves_it_unknown_whether_it_was_done(
    aws: Emulated, way: ProxiedLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "_ATTEMPTS", 2)  # the pauses between five take half a minute
    stand = Stand(aws, "kill")
    undo = stand.prepare()
    with way.toxic("reset_peer", stream="downstream"), pytest.raises(ActionFailed) as failed:
        stand.inject(undo)
    assert failed.value.took_effect == "unknown"
    stand.revert(undo)
    stand.becomes(undo, Active.NO)
    assert stand.environment.residues() == ()
