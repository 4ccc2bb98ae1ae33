"""A game day: experiments run with people in the room, each with a prediction written down before."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from chaos.model.experiment import Experiment
from chaos.model.verdict import Verdict

Predicted = Literal["held", "deviated", "inconclusive", "refused", "aborted"]

Agreement = Literal["as predicted", "not as predicted", "no answer", "not run"]


class Prediction(Struct, frozen=True, kw_only=True):
    """What people expect, written before the run: `because` says why, `by` who (may be empty)."""

    outcome: Predicted
    because: str
    by: str = ""


class Trial(Struct, frozen=True, kw_only=True, tag="experiment"):
    """One experiment of the day. `source` is what `chaos run` takes: a path or the name of a shipped one."""

    experiment: Experiment
    source: str
    prediction: Prediction
    variables: dict[str, str] = {}


class Pause(Struct, frozen=True, kw_only=True, tag="pause"):
    """Time to talk. `seconds` is None for "until somebody presses Enter"."""

    seconds: float | None = None


class GameDay(Struct, frozen=True, kw_only=True):
    """`schedule` holds at least one Trial."""

    name: str
    purpose: str
    schedule: tuple[Trial | Pause, ...]
    source: str = ""


class Note(Struct, frozen=True):
    """What somebody typed in a pause; `at` is epoch seconds."""

    at: float
    text: str


class Hit(Struct, frozen=True, kw_only=True):
    """One fault on one target. `ended_at` is None when it was not seen to end."""

    fault: str
    target: str
    began_at: float
    ended_at: float | None


class Tried(Struct, frozen=True, kw_only=True):
    """What came of one Trial. `verdict` is None when somebody said no, or the day ended before; then `run` is empty."""

    name: str
    hypothesis: str
    prediction: Prediction
    began_at: float
    ended_at: float
    run: str = ""
    verdict: Verdict | None = None
    hits: tuple[Hit, ...] = ()
    repeat: str = ""

    @property
    def agreement(self) -> Agreement:
        """A run without an answer neither bears a prediction out nor proves it wrong, unless that was predicted."""
        if self.verdict is None:
            return "not run"
        if self.verdict.outcome == self.prediction.outcome:
            return "as predicted"
        answered = self.verdict.outcome in ("held", "deviated", "aborted", "still broken")
        return "not as predicted" if answered else "no answer"


class Session(Struct, frozen=True, kw_only=True):
    """One holding of a game day. Times are epoch seconds; `ended_early` says why when it did not go to its end."""

    name: str
    purpose: str
    environment: str
    started_at: float
    ended_at: float
    tried: tuple[Tried, ...] = ()
    notes: tuple[Note, ...] = ()
    ended_early: str = ""
