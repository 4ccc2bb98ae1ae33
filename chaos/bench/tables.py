"""The figures of a measurement of detection for people (text, Markdown) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from chaos.bench.detection import Detection, Share

AIMS = {"recall": "at least 95 %", "false alarms": "none", "inconclusive": "below 5 %"}


def as_text(of: Detection) -> str:
    """Some lines for a terminal."""
    lines = [f"{name:<38}{value:<34}{aim and f'aim: {aim}'}".rstrip() for name, value, aim in _figures(of)]
    lines += [f"  not as it should be: {each.case.words}: {each.outcome}. {each.sentence}" for each in of.wrong]
    return "\n".join(lines)


def as_json(of: Detection) -> bytes:
    return msgspec.json.format(msgspec.json.encode(of), indent=2) + b"\n"


def as_markdown(of: Detection) -> str:
    """The tables of docs/reference/detection.md."""
    return "\n".join(_markdown(of)) + "\n"


def _markdown(of: Detection) -> Iterator[str]:
    yield "| figure | measured | aim |"
    yield "| --- | --- | --- |"
    for name, value, aim in _figures(of):
        yield f"| {name} | {value} | {aim} |"
    yield ""
    yield "| experiment | weakness | what its runs said | median seconds |"
    yield "| --- | --- | --- | --- |"
    for row in of.rows:
        yield f"| {row.experiment} | {row.weakness} | {', '.join(row.outcomes)} | {row.median_seconds:g} |"
    if of.healthy:
        yield ""
        yield "| experiment | healthy runs |"
        yield "| --- | --- |"
        for name, counts in of.healthy.items():
            yield f"| {name} | {_counts(counts)} |"
    if of.wrong:
        yield ""
        yield "Not as they should be:"
        yield ""
        for each in of.wrong:
            yield f"- {each.case.words}: {each.outcome}. {each.sentence}"


def _figures(of: Detection) -> Iterator[tuple[str, str, str]]:
    yield "recall, by runs", _share(of.recall), AIMS["recall"]
    yield "recall, by experiment and weakness", _share(of.recall_of_pairs), AIMS["recall"]
    yield "recall, by weakness", _share(of.recall_of_weaknesses), AIMS["recall"]
    yield "false alarms, healthy platform", _share(of.false_alarms), AIMS["false alarms"]
    yield "false alarms, weakened without fault", _share(of.control_alarms), AIMS["false alarms"]
    yield "inconclusive, of all answers", _share(of.inconclusive), AIMS["inconclusive"]
    yield "repeats that agree", _share(of.agreement), ""
    if of.times is not None:
        times = of.times
        span = f"median {times.median_seconds:g} s ({times.shortest_seconds:g} to {times.longest_seconds:g})"
        yield "time to verdict", span, ""
    for kind, counts in of.outcomes.items():
        if counts:
            yield f"{kind} runs", _counts(counts), ""


def _share(of: Share) -> str:
    if of.low is None or of.high is None:
        return "not measured"
    return f"{of.number} of {of.total} ({of.low:.1%} to {of.high:.1%})"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
