"""The report as plain text, for a terminal or a log."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from chaos.judge.story import InjectionStory, Story, tell
from chaos.judge.wording import counted, interval_text, listed, repeat_command, seconds_text, value_text
from chaos.model.events import Event
from chaos.model.verdict import ObjectiveResult, Verdict

_COLOURS = {"held": "32", "deviated": "31", "still broken": "31", "bug": "31"}
_OTHERWISE = "33"
_NARROWEST = 30


def render(events: Sequence[Event], verdict: Verdict, width: int = 80, colour: bool = False) -> str:
    """The text, ending in a newline; no line is longer than `width` unless a single word is."""
    paper = _Paper(max(width, _NARROWEST), colour)
    story = tell(events)
    experiment = story.started.plan.experiment
    paper.wrapped(experiment.name, "", style="1")
    paper.wrapped(experiment.hypothesis, "  ")
    paper.gap()
    paper.wrapped(verdict.sentence, "", style=f"1;{_COLOURS.get(verdict.outcome, _OTHERWISE)}")
    _objectives(paper, verdict)
    _hits(paper, story)
    _findings(paper, verdict)
    paper.gap()
    paper.wrapped(f"To repeat: {repeat_command(story.started.plan)}", "", "  ")
    return "\n".join(paper.lines) + "\n"


class _Paper:
    """Lines of a width, in colour or not."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.lines: list[str] = []
        self._colour = colour

    def line(self, text: str, style: str = "") -> None:
        self.lines.append(f"\x1b[{style}m{text}\x1b[0m" if style and self._colour else text)

    def wrapped(self, text: str, first: str, later: str | None = None, style: str = "") -> None:
        indent = first if later is None else later
        wrapper = textwrap.TextWrapper(
            self.width, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        for line in wrapper.wrap(_printable(text)):
            self.line(line, style)

    def gap(self) -> None:
        self.lines.append("")


def _objectives(paper: _Paper, verdict: Verdict) -> None:
    if not verdict.objectives:
        return
    paper.gap()
    paper.line("Objectives", style="1")
    for result in verdict.objectives:
        mark = {"held": "ok  ", "deviated": "OFF ", "inconclusive": "?   "}[result.outcome]
        paper.wrapped(f"{result.name} {result.threshold} {_window(result)}", f"  {mark}", "      ")
        paper.wrapped(_measured(result), "      ")


def _window(result: ObjectiveResult) -> str:
    return {"run": "(run)", "fault": "(during the fault)", "after": "(after the fault)"}.get(result.window, "")


def _measured(result: ObjectiveResult) -> str:
    if result.estimate is None:
        return result.reason
    point = value_text(result.estimate.point, result.measures)
    samples = counted(result.estimate.count, "sample")
    return f"{point}, interval {interval_text(result.estimate, result.measures)}, {samples}"


def _hits(paper: _Paper, story: Story) -> None:
    """Targets of one step that fared alike share a line."""
    if not story.injections:
        return
    paper.gap()
    paper.line("What was hit", style="1")
    alike: dict[tuple[str, str], list[InjectionStory]] = {}
    for item in story.injections.values():
        alike.setdefault((item.begun.step, _end(item)), []).append(item)
    for (_, end), items in alike.items():
        began = items[0].begun.at - story.method_began
        targets = listed([item.begun.target for item in items])
        paper.wrapped(f"{began:6.1f} s  {items[0].begun.fault.kind} on {targets}{end}", "  ", " " * 12)


def _end(item: InjectionStory) -> str:
    if item.not_injected:
        return ": not injected"
    if item.open or item.reverted is None:
        return ": NOT KNOWN TO BE REVERTED"
    return f", reverted after {seconds_text(item.reverted.at - item.begun.at)} by the {item.reverted.by}"


def _findings(paper: _Paper, verdict: Verdict) -> None:
    """Without those that only repeat what stands above."""
    above = verdict.sentence.lower() + " ".join(result.reason.lower() for result in verdict.objectives)
    told = [item for item in verdict.findings if item.text.lower().rstrip(".") not in above]
    if not told:
        return
    paper.gap()
    paper.line("Findings", style="1")
    for finding in told:
        mark = {"problem": "!!", "warning": "! ", "note": "- "}[finding.severity]
        paper.wrapped(finding.text, f"  {mark} ", "     ")


def _printable(text: str) -> str:
    """Error texts of the system under test may carry escape sequences; they must not reach the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
