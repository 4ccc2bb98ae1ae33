"""The shipped policies and weaknesses fit the services they are about."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from target_platform import services
from target_platform.kit.errors import PolicyError
from target_platform.kit.policy import parse_policies
from target_platform.kit.policy_text import patched
from target_platform.kit.service import check_fallbacks
from target_platform.weaknesses import POLICIES, effective_policies, known

HEALTHY = parse_policies(effective_policies())
DECLARED = {f"{name}>{callee}" for name in services.names() for callee in services.load(name).calls}


def weakened(*names: str) -> str:
    return effective_policies(names)


def test_without_weaknesses_the_text_is_the_file() -> None:
    assert effective_policies() == Path(POLICIES).read_text()


def test_every_call_that_is_declared_has_a_policy_and_no_other() -> None:
    assert set(HEALTHY.calls) == DECLARED


@pytest.mark.parametrize("name", services.names())
def test_every_fallback_that_is_chosen_is_offered(name: str) -> None:
    check_fallbacks(services.load(name), HEALTHY)


def test_a_home_page_never_waits_long_for_recommendations() -> None:
    assert HEALTHY.of("gateway", "recommendations").deadline_ms <= 300


def test_every_failover_leaves_an_attempt_for_the_other_region() -> None:
    for edge, policy in HEALTHY.calls.items():
        if policy.failover == "other-region":
            assert policy.attempts > services.load(edge.partition(">")[2]).replicas, edge


@pytest.mark.parametrize("name", list(known()))
def test_a_weakness_changes_the_policies_and_leaves_them_valid(name: str) -> None:
    policies = parse_policies(weakened(name))
    assert policies != HEALTHY
    for service in services.names():
        check_fallbacks(services.load(service), policies)


def test_each_weakness_takes_its_protection_away() -> None:
    assert parse_policies(weakened("no-recommendations-fallback")).of("gateway", "recommendations").fallback == "none"
    assert parse_policies(weakened("no-edge-failover")).players["player>edge"].failover == "none"
    assert parse_policies(weakened("unbounded-queue")).licences.signing.serves_late
    leaking = parse_policies(weakened("connections-leak")).calls
    assert {each.connections.given_back for each in leaking.values()} == {"unless-given-up"}
    assert parse_policies(weakened("all-come-back-at-once")).of("gateway", "catalog").balance.slow_start_seconds == 0
    without_jitter = parse_policies(weakened("no-jitter"))
    assert {each.backoff.spread for each in without_jitter.calls.values()} == {"none"}
    assert without_jitter.players["player>gateway"].timers == "by-the-clock"


def test_nobody_waits_for_a_connection_unless_some_are_lost() -> None:
    """As many as calls may be under way; at a gateway, as requests that it serves and one for its own work."""
    room = HEALTHY.shedding.of("gateway").concurrent + 1
    for edge, policy in HEALTHY.calls.items():
        assert policy.connections.given_back == "always"
        under_way = min(policy.bulkhead.concurrent, room if edge.startswith("gateway>") else 10_000)
        assert policy.connections.most >= under_way, edge


def test_who_is_let_into_the_queue_for_a_licence_has_it_in_time() -> None:
    licences = HEALTHY.licences
    turns = 1 + licences.signing.queue / licences.signing.concurrent
    assert 0 < turns * licences.signing_ms < HEALTHY.of("gateway", "licence").attempt_seconds * 1000
    assert not licences.signing.serves_late


def test_without_region_failover_nobody_at_all_goes_to_the_other_region() -> None:
    text = weakened("no-region-failover")
    assert "other-region" in effective_policies()
    assert "other-region" not in text


def test_weaknesses_add_up() -> None:
    policies = parse_policies(weakened("no-edge-failover", "no-recommendations-fallback"))
    assert policies.players["player>edge"].failover == "none"
    assert policies.of("gateway", "recommendations").fallback == "none"


def test_an_unknown_weakness_is_told_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"did you mean no-edge-failover.*known: acknowledged-"):
        weakened("no-edge-failovers")


def test_a_patch_that_makes_no_sense_is_an_error() -> None:
    text = patched(effective_policies(), [{"calls": {"gateway>catalog": {"failover": "elsewhere"}}}])
    assert yaml.safe_load(text)["calls"]["gateway>catalog"]["attempts"] == 3
    with pytest.raises(PolicyError, match=r"gateway>catalog\.failover"):
        parse_policies(text)


def test_a_weakness_of_ones_own_is_given_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("{name: mine, story: s, outage_class: o, noticed_by: [], patch: {steering: {edges_listed: 1}}}")
    assert parse_policies(weakened(str(file))).steering.edges_listed == 1
    with pytest.raises(LookupError, match=r"absent\.yaml cannot be read: No such file"):
        weakened(str(tmp_path / "absent.yaml"))
