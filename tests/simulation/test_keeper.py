"""The keeper's rounds, in time that passes at once: a system that is only what residues say of it."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass, field
from threading import Thread

import pytest

from chaos.engine.keeper import Keeper
from chaos.engine.keeper_server import keeper_server
from chaos.environments.simulated.clock import InlineWorkers, VirtualClock
from chaos.model.errors import ActionFailed
from chaos.model.residue import CanBeKept, Residue


@dataclass
class Kept:
    """What is left, what refuses to be cleared, and who announced itself."""

    left: list[Residue] = field(default_factory=list)
    stubborn: set[str] = field(default_factory=set)
    buggy: set[str] = field(default_factory=set)
    silent: bool = False
    tried: list[str] = field(default_factory=list)
    announced: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def residues(self) -> tuple[Residue, ...]:
        if self.silent:
            raise ActionFailed("the cluster does not answer")
        return tuple(self.left)

    def clear_residue(self, residue: Residue) -> None:
        self.tried.append(residue.target)
        if residue.target in self.stubborn:
            raise ActionFailed("somebody has spoilt it")
        if residue.target in self.buggy:
            raise KeyError("a bug")
        self.left.remove(residue)

    def keeps(self) -> tuple[str, ...]:
        return ("workloads",)

    def announce_keeper(self, identity: str, keeps: tuple[str, ...]) -> None:
        self.announced.append((identity, keeps))


@dataclass
class Trial:
    kept: Kept
    clock: VirtualClock
    said: list[str]
    keeper: Keeper

    def turns(self, count: int, every_seconds: float = 1.0) -> None:
        for _ in range(count):
            self.keeper.turn()
            self.clock.sleep(every_seconds)


@pytest.fixture
def trial() -> Trial:
    kept, clock, said = Kept(), VirtualClock(), list[str]()
    assert isinstance(kept, CanBeKept)
    return Trial(kept, clock, said, Keeper(kept, clock, InlineWorkers(), "me", said.append))


def residue(target: str, until: float, holder: str = "run/1") -> Residue:
    return Residue(target=target, holder=holder, what="kill", until=until)


def test_what_has_expired_is_reverted_and_what_has_not_is_left(trial: Trial) -> None:
    now = trial.clock.now()
    trial.kept.left = [residue("deployment/a", now - 1), residue("deployment/b", now + 2.5)]
    trial.turns(1)
    assert [each.target for each in trial.kept.left] == ["deployment/b"]
    trial.turns(3)
    assert trial.kept.left == []
    assert trial.keeper.counts.reverted == 2


def test_one_that_cannot_be_reverted_holds_up_no_other_and_is_tried_less_and_less_often(trial: Trial) -> None:
    now = trial.clock.now()
    trial.kept.stubborn = {"deployment/a"}
    trial.kept.left = [residue("deployment/a", now), residue("deployment/b", now)]
    trial.turns(120)
    assert [each.target for each in trial.kept.left] == ["deployment/a"]
    assert 6 <= trial.kept.tried.count("deployment/a") <= 10
    assert sum("NOT reverted" in line for line in trial.said) == 1, "said once"
    trial.kept.stubborn = set()
    trial.turns(31)
    assert trial.kept.left == []


def test_a_bug_met_by_one_object_is_told_and_the_others_are_reverted(trial: Trial) -> None:
    now = trial.clock.now()
    trial.kept.left = [residue("deployment/a", now), residue("deployment/b", now)]
    trial.kept.buggy = {"deployment/a"}
    trial.turns(1)
    assert [each.target for each in trial.kept.left] == ["deployment/a"]
    assert any("KeyError" in line for line in trial.said)


def test_it_says_that_it_is_there_only_while_it_sees_the_system(trial: Trial) -> None:
    trial.turns(10)
    assert seeing(trial.keeper) == (True, True)
    assert 3 <= len(trial.kept.announced) <= 4
    assert trial.kept.announced[0] == ("me", ("workloads",))
    before = len(trial.kept.announced)
    trial.kept.silent = True
    trial.turns(20)
    assert len(trial.kept.announced) == before
    assert seeing(trial.keeper) == (False, True), "it goes round: a restart would not make the cluster answer"
    assert sum("cannot look" in line for line in trial.said) == 1
    trial.kept.silent = False
    trial.turns(1)
    assert trial.said[-1] == "can look again"


def test_one_that_is_stopped_takes_back_that_it_keeps_anything(trial: Trial) -> None:
    trial.keeper.keep(1.0, lambda: trial.keeper.counts.looks == 3)
    assert trial.kept.announced == [("me", ("workloads",)), ("me", ())]


def test_probes_tell_blind_from_stuck_and_metrics_count(trial: Trial) -> None:
    trial.kept.left = [residue("deployment/a", trial.clock.now())]
    trial.turns(1)
    with keeper_server("127.0.0.1", 0, trial.keeper) as server:
        thread = Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            assert [asked(url + path) for path in ("/livez", "/readyz", "/other")] == [200, 200, 404]
            with urllib.request.urlopen(url + "/metrics") as answer:
                assert "steadfast_keeper_reverted_total 1\n" in answer.read().decode()
            trial.clock.sleep(60)
            assert [asked(url + path) for path in ("/livez", "/readyz")] == [200, 503]
            trial.clock.sleep(600)
            assert asked(url + "/livez") == 503
        finally:
            server.shutdown()
            thread.join()


def seeing(keeper: Keeper) -> tuple[bool, bool]:
    return keeper.sees, keeper.turns


def asked(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
