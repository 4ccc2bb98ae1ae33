"""The small parts: deadline, retry budget, discovery, access log, tokens."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from target_platform.kit import access_log, deadline
from target_platform.kit.access_log import AccessLog, Served
from target_platform.kit.config import Endpoint
from target_platform.kit.discovery import Targets
from target_platform.kit.policy import RetryBudgetPolicy
from target_platform.kit.retry_budget import RetryBudget
from target_platform.kit.tokens import Tokens
from tests.unit.kit.stage import config_for


def test_a_deadline_only_shrinks() -> None:
    with deadline.inherited("100"):
        assert deadline.left_seconds(deadline.limited_to(1000)) <= 0.1
        assert deadline.left_seconds(deadline.limited_to(50)) <= 0.05
    assert deadline.left_seconds(deadline.limited_to(100_000)) > 50


@pytest.mark.parametrize("header", [None, "soon", "nan", ""])
def test_a_header_that_is_no_number_is_no_deadline(header: str | None) -> None:
    with deadline.inherited(header):
        assert not deadline.is_over()
        assert deadline.left_seconds(deadline.limited_to(100_000)) > 50


@pytest.mark.parametrize("header", ["0", "-5"])
def test_a_deadline_without_time_is_over(header: str) -> None:
    with deadline.inherited(header):
        assert deadline.is_over()


def test_a_retry_budget_allows_the_burst_and_then_the_share() -> None:
    budget = RetryBudget(RetryBudgetPolicy(share=0.1, burst=2))
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(10):
        budget.deposit()
    assert [budget.take() for _ in range(2)] == [True, False]


def test_a_retry_budget_holds_no_more_than_the_burst() -> None:
    budget = RetryBudget(RetryBudgetPolicy(share=1, burst=2))
    for _ in range(100):
        budget.deposit()
    assert [budget.take() for _ in range(3)] == [True, True, False]


def endpoints(*names: str) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(instance=name, region=name.partition("-")[0], address="") for name in names)


def order(targets: Targets) -> list[str]:
    return [each.instance for each in targets.in_order()]


def test_instances_take_turns_with_the_own_region_first(tmp_path: Path) -> None:
    targets = Targets(endpoints("there-1", "here-1", "there-2", "here-2"), config_for(tmp_path, "a"), failover=True)
    assert order(targets) == ["here-1", "here-2", "there-1", "there-2"]
    assert order(targets) == ["here-2", "here-1", "there-2", "there-1"]


def test_the_region_of_the_data_goes_before_the_own_one(tmp_path: Path) -> None:
    targets = Targets(endpoints("there-1", "here-1", "there-2", "here-2"), config_for(tmp_path, "a"), failover=True)
    assert [each.instance for each in targets.in_order("there")] == ["there-1", "there-2", "here-1", "here-2"]
    assert [each.instance for each in targets.in_order("nowhere")] == ["here-2", "here-1", "there-2", "there-1"]


def test_without_failover_there_is_no_other_region(tmp_path: Path) -> None:
    targets = Targets(endpoints("there-1", "here-1"), config_for(tmp_path, "a"), failover=False)
    assert order(targets) == ["here-1"]
    assert order(Targets((), config_for(tmp_path, "a"), failover=True)) == []


SERVED = Served(at=1.5, method="GET", path="/x", status=200, bytes=42, ms=3.25)


def lines(path: Path) -> list[Served]:
    return [msgspec.json.decode(line, type=Served) for line in path.read_bytes().splitlines()]


def test_a_line_of_the_access_log_is_there_at_once(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "logs" / "edge-1.access.jsonl")
    assert log.write(SERVED)
    assert lines(tmp_path / "logs" / "edge-1.access.jsonl") == [SERVED]
    log.close()


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    log = AccessLog(Path("/dev/full"))
    assert not log.write(SERVED)
    log.close()


def test_a_long_access_log_begins_anew_and_keeps_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "LIMIT_BYTES", 200)
    log = AccessLog(tmp_path / "a")
    for _ in range(3):
        assert log.write(SERVED)
    log.close()
    assert len(lines(tmp_path / "a")) + len(lines(tmp_path / "a.1")) == 3


def test_a_token_is_good_for_whoever_has_the_key_for_its_kind_and_its_time() -> None:
    now = [1000.0]
    tokens = Tokens("key", now=lambda: now[0])
    token = tokens.issue("viewer 7.ü", "session", 60)
    assert tokens.user(token, "session") == "viewer 7.ü"
    assert tokens.user(token, "renewal") is None
    assert tokens.user(token.replace("session", "renewal"), "renewal") is None
    assert Tokens("another key", now=lambda: now[0]).user(token, "session") is None
    now[0] = 1060.0
    assert tokens.user(token, "session") is None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "ü.1.x"])
def test_what_is_no_token_is_nobodys(token: str) -> None:
    assert Tokens("key").user(token, "session") is None
