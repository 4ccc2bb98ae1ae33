"""The keeper: reverts what has expired on the system itself, when every process that had a journal of it is dead.

It knows no run and no experiment. What is changed bears its own record, and the keeper acts on that record alone, so it
may be started at any time, anywhere, and more than once: reverting twice is reverting once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.model.clock import Clock, Workers
from chaos.model.errors import ChaosError
from chaos.model.residue import CanBeKept, Residue

ANNOUNCE_EVERY_SECONDS = 3.0
_RIGHTS_EVERY_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 30.0
_SEES_SECONDS = 10.0
_TURNS_SECONDS = 180.0

_Key = tuple[str, str]


@dataclass
class Counts:
    """What a keeper has done since it started; `overdue` is what it knows to be expired and still there."""

    looks: int = 0
    looks_failed: int = 0
    reverted: int = 0
    reverts_failed: int = 0
    held: int = 0
    overdue: int = 0


@dataclass
class Keeper:
    """Call `turn` every so often. `say` is told, once each, what was reverted and what cannot be."""

    environment: CanBeKept
    clock: Clock
    workers: Workers
    identity: str
    say: Callable[[str], None]
    counts: Counts = field(default_factory=Counts)
    _failures: dict[_Key, _Failure] = field(default_factory=dict)
    _blind_because: str = ""
    _keeps: tuple[str, ...] = ()
    _announced_at: float = float("-inf")
    _rights_at: float = float("-inf")
    _looked_at: float = float("-inf")
    _turned_at: float = 0.0

    def __post_init__(self) -> None:
        self._turned_at = self.clock.now()

    def turn(self) -> None:
        """Look once, revert what has expired, and say that somebody is here. Never raises for what the system does."""
        try:
            self._revert(self.environment.residues())
            self._announce()
        except ChaosError as error:
            self.counts.looks_failed += 1
            self._say_once(error.message)
        else:
            self._looked_at = self.clock.now()
            self._say_once("")
        self.counts.looks += 1
        self._turned_at = self.clock.now()

    def keep(self, every_seconds: float, stopped: Callable[[], bool]) -> None:
        """Turn until stopped, then take back that somebody is here."""
        while not stopped():
            began = self.clock.now()
            self.turn()
            if not stopped():
                self.clock.sleep(max(0.05, began + every_seconds - self.clock.now()))
        try:
            self.environment.announce_keeper(self.identity, ())  # another one that is left says it again in 3 s
        except ChaosError as error:
            self.say(f"left without a word: {error.message}")

    @property
    def sees(self) -> bool:
        """It has seen the system within the last 10 s: ready."""
        return self.clock.now() - self._looked_at <= _SEES_SECONDS

    @property
    def turns(self) -> bool:
        """It goes round, whether or not the system answers: a restart would help against nothing else."""
        return self.clock.now() - self._turned_at <= _TURNS_SECONDS

    def _revert(self, found: tuple[Residue, ...]) -> None:
        """Side by side over targets, one after the other on each. What has failed waits longer each time."""
        now = self.clock.now()
        expired = [each for each in found if each.until <= now]
        self.counts.held, self.counts.overdue = len(found), len(expired)
        self._failures = {key: value for key, value in self._failures.items() if key in map(_key, expired)}
        due: dict[str, list[Residue]] = {}
        for each in expired:
            failed = self._failures.get(_key(each))
            if failed is None or failed.again_at <= now:
                due.setdefault(each.target, []).append(each)
        for done in self.workers.each([self._clearing(chain) for chain in due.values()]) if due else ():
            for residue, problem in done:
                self._note(residue, problem)

    def _clearing(self, chain: list[Residue]) -> Callable[[], list[tuple[Residue, str]]]:
        def clear(residue: Residue) -> str:
            try:
                self.environment.clear_residue(residue)
            except ChaosError as error:
                return error.message
            except Exception as error:  # noqa: BLE001  a bug met by one object must not keep the others broken
                return f"{type(error).__name__}: {error}"
            return ""

        return lambda: [(residue, clear(residue)) for residue in chain]

    def _note(self, residue: Residue, problem: str) -> None:
        what = f"{residue.what} of {residue.target} ({residue.holder})"
        if not problem:
            self.counts.reverted += 1
            self._failures.pop(_key(residue), None)
            self.say(f"reverted, {self.clock.now() - residue.until:.1f} s after it expired: {what}")
            return
        self.counts.reverts_failed += 1
        before = self._failures.get(_key(residue), _Failure())
        if problem != before.problem:
            self.say(f"NOT reverted: {what}: {problem}")
        pause = min(_LONGEST_PAUSE_SECONDS, before.pause_seconds * 2)
        self._failures[_key(residue)] = _Failure(problem, pause, self.clock.now() + pause)

    def _announce(self) -> None:
        now = self.clock.now()
        if now - self._announced_at < ANNOUNCE_EVERY_SECONDS:
            return
        if now - self._rights_at >= _RIGHTS_EVERY_SECONDS:
            keeps = self.environment.keeps()
            if keeps != self._keeps or self._rights_at == float("-inf"):
                self.say(f"keeping {', '.join(keeps)}" if keeps else "keeping nothing: the rights for it are missing")
            self._keeps, self._rights_at = keeps, now
        self.environment.announce_keeper(self.identity, self._keeps)
        self._announced_at = now

    def _say_once(self, problem: str) -> None:
        if problem != self._blind_because:
            self.say(f"cannot look: {problem}" if problem else "can look again")
            self._blind_because = problem


@dataclass(frozen=True)
class _Failure:
    problem: str = ""
    pause_seconds: float = 0.5
    again_at: float = 0.0


def _key(residue: Residue) -> _Key:
    return residue.target, residue.holder
