"""Going through a game day's schedule: show, ask, run, pause; everything said and seen is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import structs

from chaos.judge.story import tell
from chaos.judge.wording import repeat_command
from chaos.model.errors import ExitCode, Refused, worst
from chaos.model.events import Event
from chaos.model.gameday import GameDay, Hit, Note, Pause, Session, Trial, Tried
from chaos.model.verdict import Verdict

ENDS_THE_DAY = {
    "interrupted": "interrupted while {name} ran",
    "terminated": "interrupted while {name} ran",
    "still broken": "{name} left something broken, which must be repaired before anything else is",
}


class Planned(Protocol):
    """A run that could begin now."""

    @property
    def text(self) -> str:
        """The plan in words."""
        ...

    def run(self) -> tuple[Sequence[Event], Verdict]:
        """Execute it. Raises Refused when it cannot even begin."""
        ...


class Room(Protocol):
    """The people. Each of these may end in KeyboardInterrupt, which ends the day."""

    def say(self, text: str) -> None: ...

    def agrees(self, question: str) -> bool: ...

    def pause(self, seconds: float | None, on_note: Callable[[str], None]) -> None:
        """Wait that long, or until somebody presses Enter; what is typed meanwhile are notes."""
        ...


@dataclass(frozen=True)
class Around:
    """What surrounds a session: people, how a trial is planned (raises Refused), the time, and who keeps the record."""

    room: Room
    plan: Callable[[Trial], Planned]
    now: Callable[[], float]
    save: Callable[[Session], None]
    """Called after every step, so that a session that is killed has left all but its last step."""


def hold(day: GameDay, environment: str, around: Around) -> Session:
    """Hold the game day. Ctrl-C ends it early; a run that is under way reverts first, by itself."""
    holding = _Holding(day, environment, around)
    try:
        holding.go_through()
    except KeyboardInterrupt:
        holding.end_early("interrupted between two runs")
    return holding.session


def exit_code(session: Session) -> ExitCode:
    """That of the worst run. One that somebody said no to counts as refused, and an interruption between two runs as
    an interrupted one: neither has shown what the day was to show."""
    codes = [item.verdict.exit_code if item.verdict else ExitCode.REFUSED for item in session.tried]
    last = session.tried[-1].verdict if session.tried else None
    if session.ended_early and (last is None or last.outcome not in ENDS_THE_DAY):
        codes.append(ExitCode.INTERRUPTED)
    return worst(codes)


class _Holding:
    def __init__(self, day: GameDay, environment: str, around: Around) -> None:
        self._day, self._around, self._room = day, around, around.room
        began = around.now()
        self.session = Session(
            name=day.name, purpose=day.purpose, environment=environment, started_at=began, ended_at=began
        )

    def go_through(self) -> None:
        self._room.say(f"{self._day.name}: {self._day.purpose}")
        trials = [item for item in self._day.schedule if isinstance(item, Trial)]
        for item in self._day.schedule:
            if isinstance(item, Pause):
                self._room.pause(item.seconds, self._note)
            else:
                self._room.say(f"\nexperiment {trials.index(item) + 1} of {len(trials)}: {item.experiment.name}")
                self._try(item)
            self._keep()
            if self.session.ended_early:
                return

    def end_early(self, reason: str) -> None:
        self._room.say(f"\nthe game day ends here: {reason}")
        self._keep(ended_early=reason)

    def _try(self, trial: Trial) -> None:
        prediction = trial.prediction
        by = f" ({prediction.by})" if prediction.by else ""
        self._room.say(f"prediction{by}: {prediction.outcome}. {prediction.because}\n")
        began = self._around.now()
        tried = Tried(
            name=trial.experiment.name,
            hypothesis=trial.experiment.hypothesis,
            prediction=prediction,
            began_at=began,
            ended_at=began,
        )
        try:
            planned = self._around.plan(trial)
            self._room.say(planned.text)
            if not self._room.agrees("run it?"):
                self._room.say("not run")
                self._add(tried)
                return
            tried = structs.replace(tried, began_at=self._around.now())
            events, verdict = planned.run()
        except Refused as error:
            self._room.say(f"refused, nothing injected: {error}")
            events, verdict = (), Verdict(outcome="refused", sentence=f"Refused, nothing injected: {error.message}")
        tried = structs.replace(_with_run(tried, events), ended_at=self._around.now(), verdict=verdict)
        self._add(tried)
        self._room.say(compared(tried))
        if verdict.outcome in ENDS_THE_DAY:
            self.end_early(ENDS_THE_DAY[verdict.outcome].format(name=tried.name))

    def _note(self, text: str) -> None:
        self._keep(notes=(*self.session.notes, Note(self._around.now(), text)))

    def _add(self, tried: Tried) -> None:
        self._keep(tried=(*self.session.tried, tried))

    def _keep(self, **changes: object) -> None:
        self.session = structs.replace(self.session, ended_at=self._around.now(), **changes)
        self._around.save(self.session)


def compared(tried: Tried) -> str:
    """The prediction beside what happened, in one line."""
    expected = tried.prediction.outcome
    if tried.verdict is None or tried.agreement == "as predicted":
        return f"{tried.agreement}: {expected}"
    if tried.agreement == "no answer":
        return f"no answer: {expected} was expected, it is {tried.verdict.outcome}"
    return f"NOT AS PREDICTED: {expected} was expected, it is {tried.verdict.outcome}"


def _with_run(tried: Tried, events: Sequence[Event]) -> Tried:
    if not events:
        return tried
    story = tell(events)
    hits = tuple(
        Hit(
            fault=item.begun.fault.kind,
            target=item.begun.target,
            began_at=item.begun.at,
            ended_at=item.reverted.at if item.reverted and not item.open else None,
        )
        for item in story.injections.values()
        if item.took_hold
    )
    return structs.replace(tried, run=story.started.run, hits=hits, repeat=repeat_command(story.started.plan))
