"""Policies: what a file may say, and what is said about one that says something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_platform.kit.errors import PolicyError
from target_platform.kit.policy import parse_policies, read_policies
from target_platform.kit.policy_text import patched

TEXT = """
defaults:
  deadline_ms: 500
  breaker: {failures: 7}
calls:
  a>b:
    attempts: 3
    breaker: {reset_seconds: 9}
"""


def test_a_call_is_merged_over_the_defaults_key_by_key() -> None:
    policy = parse_policies(TEXT).of("a", "b")
    assert (policy.deadline_ms, policy.attempts) == (500, 3)
    assert (policy.breaker.failures, policy.breaker.reset_seconds) == (7, 9)


def test_a_call_that_is_not_written_has_the_defaults() -> None:
    assert parse_policies(TEXT).of("a", "c").breaker.failures == 7


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "calls: {a>b: {deadline: 5}}",
            r"p\.yaml: calls\.a>b\.deadline: there is no such key; did you mean deadline_ms",
        ),
        ("calls: {a>b: {deadline_ms: 250ms}}", r"p\.yaml: calls\.a>b\.deadline_ms: expected `float`.*read '250ms'"),
        ("calls: {a>b: {deadline_ms: 0}}", r"calls\.a>b\.deadline_ms: expected `float` > 0"),
        ("calls: {a>b: {attempts: 1.5}}", r"calls\.a>b\.attempts: expected `int`"),
        ("calls: {a>b: {breaker: {failure: 3}}}", r"calls\.a>b\.breaker\.failure: .*did you mean failures"),
        ("defaults: {retry_budget: {share: 10}}", r"defaults\.retry_budget\.share: expected `float` <= 1"),
        ("calls: {a>b: {failover: region}}", r"calls\.a>b\.failover: invalid enum value 'region'"),
        ("players: {p>edge: {deadline_ms: 5}}", r"players\.p>edge: .*missing required field `attempts`"),
        ("calls: {a-b: {}}", r"calls\.a-b: a call is written CALLER>CALLEE"),
        ("calls: {a>b: 5}", r"calls\.a>b: expected a mapping, got 5"),
        ("call: {}", r"p\.yaml: call: there is no such section; did you mean calls"),
        ("[1]", r"p\.yaml: expected a mapping at the top"),
        ("calls: [", r"p\.yaml: not YAML"),
        ("calls: {a>b: {attempts: 1, attempts: 2}}", r"the key 'attempts' stands twice"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(text: str, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        parse_policies(text, "p.yaml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nothing\.yaml: the policies cannot be read"):
        read_policies(tmp_path / "nothing.yaml")


def test_a_patch_changes_what_it_names_and_nothing_else() -> None:
    text = patched(TEXT, [{"calls": {"a>b": {"breaker": {"failures": 1}}}}, {"defaults": {"attempts": 9}}])
    policies = parse_policies(text)
    assert (policies.of("a", "b").breaker.failures, policies.of("a", "b").breaker.reset_seconds) == (1, 9)
    assert (policies.of("a", "b").attempts, policies.of("a", "c").attempts) == (3, 9)


def test_a_service_may_have_limits_of_its_own_for_what_it_lets_in() -> None:
    shedding = parse_policies("shedding: {concurrent: 9, delay_ms: 50, services: {gateway: {concurrent: 3}}}").shedding
    assert (shedding.of("gateway").concurrent, shedding.of("gateway").delay_ms) == (3, 50)
    assert (shedding.of("catalog").concurrent, shedding.of("catalog").delay_ms) == (9, 50)
