"""Objectives: current value, target, and how it went as a sparkline with the fault marked under it."""

from __future__ import annotations

import math

from chaos.judge.budget import burn_rate
from chaos.judge.objectives import meets
from chaos.judge.series import point
from chaos.judge.wording import is_never, measures_of, value_text
from chaos.model.experiment import Objective, Threshold
from chaos.model.sample import Measurement, count_of, merge
from chaos.ui.lines import Line, Piece, Style, fit, line
from chaos.ui.state import NOW_SECONDS, Seen, State

BARS = "▁▂▃▄▅▆▇█"
_NAME, _VALUE, _TARGET = 30, 9, 9
_BURN, _WIDE = 6, 100
"""How fast the error budget is being spent, where there is room for it."""
_NARROWEST_SPARK = 10
_MARKS: dict[str, tuple[str, Style]] = {
    "held": ("✓", "good"),
    "deviated": ("✗", "bad"),
    "inconclusive": ("?", "unclear"),
}


def objective_lines(state: State, width: int, most: int) -> list[Line]:
    """A title, a line for each objective, and when a fault was in effect."""
    assert state.story is not None
    objectives = state.story.started.plan.experiment.objectives
    name = min(
        _NAME, max(12, width - _VALUE - _TARGET - _NARROWEST_SPARK - 6), max(map(_longest, objectives), default=12)
    )
    burn_room = _BURN + 1 if width >= _WIDE else 0
    room = max(0, width - name - _VALUE - _TARGET - 6 - burn_room)
    scale = _Scale.of(state, room)
    scale.burns = width >= _WIDE
    shown = objectives[: max(0, most - 2)] if len(objectives) > most - 2 else objectives
    value = "judged" if state.verdict else "now"
    burn = f" {fit('burn', _BURN)}" if scale.burns else ""
    title = f"{fit('objectives', name + 2)} {fit(value, _VALUE)} {fit('target', _TARGET)}{burn} {scale.text}"
    lines = [line(Piece(title, "soft"))]
    for objective in shown:
        seen = state.seen.get(objective.name, Seen())
        lines.append(_line(state, objective, seen, name, scale))
    if len(shown) < len(objectives):
        lines.append(line(Piece(f"  and {len(objectives) - len(shown)} more", "soft")))
    elif state.injections:
        label = fit("  fault in effect", name + 2 + _VALUE + _TARGET + 3 + burn_room)
        lines.append(line(Piece(label, "soft"), Piece(_fault_marks(state, scale), "fault")))
    return lines[: max(most, 0)]


def sparkline(values: list[float | None], threshold: Threshold, measures: str) -> tuple[str, list[bool]]:
    """One bar a value, blank where there is none, and whether each meets the target. A bar of "never" is a full one."""
    known = [value for value in values if value is not None and not (measures == "milliseconds" and is_never(value))]
    low, high = 0.0, max([*known, threshold.value, 1e-9])
    if measures == "share":
        low, high = min([*known, threshold.value, 0.9]), 1.0
    bars, good = "", []
    for value in values:
        good.append(value is None or meets(value, threshold))
        if value is None:
            bars += " "
            continue
        share = (min(value, high) - low) / ((high - low) or 1.0)
        bars += BARS[max(0, min(len(BARS) - 1, math.floor(share * len(BARS))))]
    return bars, good


class _Scale:
    """Which seconds a column of the sparkline stands for."""

    def __init__(self, end: int, per_column: int, room: int) -> None:
        self.per_column, self.room = per_column, room
        self.first = end + 1 - per_column * room
        self.burns = False
        """There is room for burn rates too."""

    @property
    def text(self) -> str:
        return f"last {self.room} s" if self.per_column == 1 else f"{self.per_column} s a column"

    @staticmethod
    def of(state: State, room: int) -> _Scale:
        """The last seconds of a run that goes on; all that is kept of one that has ended."""
        seconds = [second for seen in state.seen.values() for second in seen.by_second]
        if not seconds or room <= 0:
            return _Scale(0, 1, max(room, 0))
        per_column = max(1, math.ceil((max(seconds) - min(seconds) + 1) / room)) if state.ended else 1
        return _Scale(max(seconds), per_column, room)

    def columns(self, seen: Seen) -> list[Measurement | None]:
        found: list[Measurement | None] = []
        for column in range(self.room):
            first = self.first + column * self.per_column
            parts = [seen.by_second[at] for at in range(first, first + self.per_column) if at in seen.by_second]
            merged = merge(parts)
            found.append(merged if merged is not None and count_of(merged) else None)
        return found


def _line(state: State, objective: Objective, seen: Seen, name: int, scale: _Scale) -> Line:
    recent = seen.recent(NOW_SECONDS)
    measured = recent if recent is not None and count_of(recent) else None
    measures = measures_of(measured, objective.threshold)
    mark, style, value = _answer(state, objective, measured)
    columns = [None if each is None else point(each) for each in scale.columns(seen)]
    bars, good = sparkline(columns, objective.threshold, measures)
    target = objective.threshold.text.replace(">=", "≥").replace("<=", "≤")
    return line(
        Piece(mark, style),
        f" {fit(objective.name, name)} ",
        Piece(fit(value, _VALUE), style),
        f" {fit(target, _TARGET)} ",
        *([_burn(state, objective, measured)] if scale.burns else []),
        *_runs(bars, good),
        *([Piece(seen.missing, "unclear")] if seen.missing and not bars.strip() else []),
    )


def _burn(state: State, objective: Objective, measured: Measurement | None) -> Piece:
    """How many times as fast as it may the last seconds spend the error budget; of a judged run its report tells."""
    rate = None if state.verdict else burn_rate(measured, objective.threshold)
    if rate is None:
        return Piece(f"{fit('', _BURN)} ", "soft")
    return Piece(f"{fit(f'{rate:.1f}x' if rate < 9.95 else f'{rate:,.0f}x', _BURN)} ", "bad" if rate > 1 else "good")


def _answer(state: State, objective: Objective, measured: Measurement | None) -> tuple[str, Style, str]:
    """Mark, colour and value: of the verdict when there is one, else of the last seconds."""
    for result in state.verdict.objectives if state.verdict else ():
        if result.name == objective.name:
            estimate = result.estimate
            value = value_text(estimate.point, result.measures) if estimate else "no sample"
            return (*_MARKS[result.outcome], value)
    if measured is None:
        return "·", "unclear", "no sample"
    value = value_text(point(measured), measures_of(measured, objective.threshold))
    return "●", "good" if meets(point(measured), objective.threshold) else "bad", value


def _runs(bars: str, good: list[bool]) -> list[Piece]:
    """Neighbours of one colour in one piece."""
    pieces: list[Piece] = []
    for bar, met in zip(bars, good, strict=True):
        style: Style = "good" if met else "bad"
        if pieces and pieces[-1].style == style:
            pieces[-1] = Piece(pieces[-1].text + bar, style)
        else:
            pieces.append(Piece(bar, style))
    return pieces


def _fault_marks(state: State, scale: _Scale) -> str:
    assert state.story is not None
    marks = ""
    spans = [
        (item.begun.at, item.reverted.at if item.reverted and not item.open else state.story.last_at)
        for item in state.injections
        if item.took_hold
    ]
    for column in range(scale.room):
        begin = scale.first + column * scale.per_column
        hit = any(first < begin + scale.per_column and last > begin for first, last in spans)
        marks += "━" if hit else " "
    return marks


def _longest(objective: Objective) -> int:
    return len(objective.name)
