"""One picture of a run: state -> lines. Pure, so that it is the same on a terminal, in a pipe and in a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaos.judge.wording import milliseconds_text
from chaos.model.plan import Plan
from chaos.model.system import Inventory
from chaos.model.verdict import Outcome
from chaos.ui.faults import fault_lines
from chaos.ui.lines import Line, Piece, Style, cells, cut, fit, line, wrapped
from chaos.ui.map import map_lines
from chaos.ui.objectives import objective_lines
from chaos.ui.state import State

_TONES: dict[Outcome, Style] = {"held": "good", "deviated": "bad", "still broken": "bad", "bug": "bad"}
_VERDICT_LINES = 4


@dataclass(frozen=True)
class Look:
    """From where a state is looked at. `now` is epoch seconds, of the replay in a replay; `keys` is the last line."""

    now: float
    width: int = 80
    height: int = 24
    inventory: Inventory | None = None
    keys: Line = ()


def frame(state: State, look: Look) -> list[Line]:
    """At most `height` lines of at most `width` cells."""
    if state.story is None:
        return [cut(each, look.width) for each in (line("the run has not begun"), look.keys)][: look.height]
    plan = state.story.started.plan
    top = [*_head(state, plan, look), *_verdict(state, look)]
    bottom = [*_load(state, plan), *_guardrails(state, plan), look.keys]
    sections: list[Section] = [
        lambda most: objective_lines(state, look.width, most),
        lambda most: fault_lines(state, look.now, look.width, most),
        lambda most: map_lines(state, look.inventory, look.width, most),
    ]
    room = look.height - len(top) - len(bottom)
    middle = _shared_out(sections, room)
    lines = _apart([top, *middle, bottom], room - sum(map(len, middle)))
    return [cut(each, look.width) for each in lines][: look.height]


Section = Callable[[int], list[Line]]


def _shared_out(sections: list[Section], height: int) -> list[list[Line]]:
    """Each section in the lines that it needs, or in its part of what there is: what one leaves the next may take."""
    shared: list[list[Line]] = []
    left = max(0, height)
    for index, section in enumerate(sections):
        others = sum(len(each(height)) for each in sections[index + 1 :])
        shared.append(section(max(left // (len(sections) - index), left - others)))
        left = max(0, left - len(shared[-1]))
    return shared


def _apart(blocks: list[list[Line]], spare: int) -> list[Line]:
    """One under the other, with a line between them where there is room for one."""
    lines: list[Line] = []
    for block in blocks:
        if lines and block and spare > 0:
            lines.append(line())
            spare -= 1
        lines += block
    return lines


def _head(state: State, plan: Plan, look: Look) -> list[Line]:
    assert state.story is not None
    end = state.story.last_at if state.ended else look.now
    took = f"{_clock(end - state.story.started.at)} of {_clock(plan.seconds)}"
    phase = "ended" if state.ended else state.phase or "beginning"
    right = f"{phase}  {took}"
    left = f"{plan.experiment.name} on {plan.environment.name}, seed {plan.seed}"
    space = look.width - cells(right) - 2
    return [
        line(Piece(fit(left, max(space, 0)), "bold"), "  ", Piece(right, "" if state.ended else "bold")),
        line(Piece(plan.experiment.hypothesis, "soft")),
    ]


def _verdict(state: State, look: Look) -> list[Line]:
    verdict = state.verdict
    if verdict is None:
        return []
    style = _TONES.get(verdict.outcome, "unclear")
    return [line(Piece(text, style)) for text in wrapped(verdict.sentence, look.width, _VERDICT_LINES)]


def _load(state: State, plan: Plan) -> list[Line]:
    load, report = plan.experiment.load, state.load
    if load is None:
        return []
    if state.story is not None and state.story.load.failed is not None:
        return [line(Piece("load       ", "soft"), Piece(state.story.load.failed.message, "bad"))]
    if report is None:
        return [line(Piece("load       ", "soft"), "no report yet")]
    count = sum(stream.count for stream in report.streams)
    failed = sum(stream.failures for stream in report.streams)
    late = report.lag_ms > load.max_lag_ms
    return [
        line(
            Piece("load       ", "soft"),
            f"{count:,} requests/s, ",
            Piece(f"{failed:,} failed", "bad" if failed else ""),
            f", {report.active_users:,} users, ",
            Piece(f"lag {milliseconds_text(report.lag_ms)}", "bad" if late else ""),
            f" of at most {milliseconds_text(load.max_lag_ms)}",
        )
    ]


def _guardrails(state: State, plan: Plan) -> list[Line]:
    story = state.story
    assert story is not None
    label = Piece("guardrails ", "soft")
    if story.stopped is not None:
        return [line(label, Piece(f"{story.stopped.guardrail} stopped the run: {story.stopped.reason}", "bad"))]
    if story.refused is not None:
        return [line(label, Piece(f"refused, nothing injected: {story.refused.reason}", "unclear"))]
    if story.interrupted is not None:
        return [line(label, Piece(f"interrupted ({story.interrupted.signal}): everything is reverted", "unclear"))]
    names = ", ".join(["armed", *(use.kind for use in plan.experiment.guardrails)])
    return [line(label, f"{names}: ", Piece("none has stopped the run", "good"))]


def _clock(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02}"
