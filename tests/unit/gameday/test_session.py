"""A game day held by scripted people, its runs on the simulated platform."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from chaos.gameday.session import Around, exit_code, hold
from chaos.model.errors import ExitCode, Refused
from chaos.model.events import Event
from chaos.model.gameday import GameDay, Pause, Predicted, Prediction, Session, Trial
from chaos.model.verdict import Verdict
from chaos.reports import gameday as page
from tests.simulation.stage import Stage, experiment, fault

HOSTILE = "</script><script>alert(1)</script>"
CALM = fault("kill", "instance", {"service": "edge", "region": "us-east-1"})
LOSS = fault("region_outage", "region", {"name": "us-east-1"}, 8.0)


def trial(name: str, predicted: Predicted) -> Trial:
    trial = experiment(CALM)
    trial = msgspec.structs.replace(trial, name=name)
    return Trial(
        experiment=trial, source=f"{name}.yaml", prediction=Prediction(outcome=predicted, because="so", by="us")
    )


@dataclass
class Simulated:
    """A plan on the simulated platform."""

    trial: Trial
    interrupted_after: float | None = None
    text: str = "what will be hit"

    def run(self) -> tuple[Sequence[Event], Verdict]:
        stage = Stage(self.trial.experiment, interrupted_after=self.interrupted_after).run()
        return stage.recorder.events(), stage.verdict()


@dataclass
class People:
    """Answer from a script; `leaves_in_pause` is the number of the pause in which somebody presses Ctrl-C."""

    answers: list[bool] = field(default_factory=lambda: [True] * 9)
    notes: list[str] = field(default_factory=list)
    leaves_in_pause: int | None = None
    said: list[str] = field(default_factory=list)
    pauses: list[float | None] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def agrees(self, question: str) -> bool:
        self.said.append(question)
        return self.answers.pop(0)

    def pause(self, seconds: float | None, on_note: Callable[[str], None]) -> None:
        self.pauses.append(seconds)
        if self.leaves_in_pause == len(self.pauses):
            raise KeyboardInterrupt
        for note in self.notes:
            on_note(note)


def held(
    people: People, *schedule: Trial | Pause, plan: Callable[[Trial], Simulated] = Simulated
) -> tuple[Session, list[Session]]:
    saved: list[Session] = []
    clock = itertools.count(1_790_000_000)
    around = Around(room=people, plan=plan, now=lambda: float(next(clock)), save=saved.append)
    day = GameDay(name="a-day", purpose="Do we know?", schedule=schedule)
    return hold(day, "simulated", around), saved


def test_each_plan_is_shown_and_asked_about_before_it_is_run() -> None:
    people = People()
    held(people, trial("first", "held"))
    said = "\n".join(people.said)
    assert said.index("prediction (us): held. so") < said.index("what will be hit") < said.index("run it?")
    assert said.index("run it?") < said.index("as predicted: held")


def test_predictions_stand_beside_what_happened() -> None:
    session, _ = held(People(), trial("right", "held"), trial("wrong", "deviated"))
    assert [item.agreement for item in session.tried] == ["as predicted", "not as predicted"]
    assert all(item.verdict and item.verdict.outcome == "held" for item in session.tried)
    assert [hit.fault for hit in session.tried[0].hits] == ["kill", "kill"]
    assert all(hit.ended_at is not None for hit in session.tried[0].hits)
    assert exit_code(session) is ExitCode.HELD, "a wrong prediction is no fault of the system"


def test_what_is_typed_in_a_pause_is_kept() -> None:
    people = People(notes=["strange", "look at this"])
    session, saved = held(people, trial("first", "held"), Pause(seconds=30.0), Pause())
    assert [note.text for note in session.notes] == ["strange", "look at this"] * 2
    assert people.pauses == [30.0, None]
    assert saved[-1] == session


def test_the_record_is_kept_after_every_step() -> None:
    _, saved = held(People(), trial("first", "held"), Pause(seconds=1.0), trial("second", "held"))
    assert [len(session.tried) for session in saved] == sorted(len(session.tried) for session in saved)
    assert {len(session.tried) for session in saved} == {1, 2}


def test_a_no_runs_nothing_and_is_never_green() -> None:
    session, _ = held(People(answers=[True, False]), trial("first", "held"), trial("second", "held"))
    assert [item.verdict is None for item in session.tried] == [False, True]
    assert exit_code(session) is ExitCode.REFUSED


def test_ctrl_c_in_a_pause_ends_the_day_and_keeps_what_was_seen() -> None:
    people = People(leaves_in_pause=1)
    session, saved = held(people, trial("first", "held"), Pause(), trial("second", "held"))
    assert [item.name for item in session.tried] == ["first"]
    assert "interrupted" in session.ended_early
    assert saved[-1] == session
    assert exit_code(session) is ExitCode.INTERRUPTED


def test_an_interrupted_run_is_the_last_one() -> None:
    session, _ = held(
        People(),
        trial("first", "held"),
        trial("second", "held"),
        plan=lambda trial: Simulated(trial, interrupted_after=6.0),
    )
    assert [item.name for item in session.tried] == ["first"]
    assert session.ended_early == "interrupted while first ran"
    assert exit_code(session) is ExitCode.INTERRUPTED


def test_a_refused_run_is_told_and_the_day_goes_on() -> None:
    def plan(trial: Trial) -> Simulated:
        if trial.experiment.name == "first":
            raise Refused("nothing matches the selector", "look at the labels")
        return Simulated(trial)

    session, _ = held(People(), trial("first", "held"), trial("second", "held"), plan=plan)
    assert [item.verdict.outcome if item.verdict else "" for item in session.tried] == ["refused", "held"]
    assert [item.agreement for item in session.tried] == ["no answer", "as predicted"], "no run has proved them wrong"
    assert exit_code(session) is ExitCode.REFUSED


@pytest.fixture
def written(tmp_path: Path) -> tuple[str, page.Report]:
    people = People(answers=[True, True, False], notes=[f"a note {HOSTILE}"])
    session, _ = held(people, trial("right", "held"), Pause(), trial("wrong", "deviated"), trial("declined", "held"))
    path = page.write(session, int(exit_code(session)), tmp_path, {"a run": "../runs/a%20run/report.html"})
    return path.read_text(), msgspec.json.decode((tmp_path / "gameday.json").read_bytes(), type=page.Report)


def test_the_page_has_all_of_it_and_loads_nothing(written: tuple[str, page.Report]) -> None:
    text, _ = written
    for part in ("Do we know?", "as predicted", "not as predicted", "not run", "so", "by us", "a note"):
        assert part in text
    assert 'href="../runs/a%20run/report.html"' in text
    assert "src=" not in text
    assert "<script" not in text, "nothing that people typed is markup"
    assert "1 of 3 experiments came as predicted. Not as predicted: wrong. Not run: declined." in text


def test_the_json_reads_back(written: tuple[str, page.Report]) -> None:
    _, report = written
    assert report.exit_code == ExitCode.REFUSED
    assert report.agreements == ("as predicted", "not as predicted", "not run")
