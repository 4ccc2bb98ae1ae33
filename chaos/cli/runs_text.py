"""Runs side by side, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chaos.cli.repeat import Repeated
from chaos.judge.compare import Comparison, Difference
from chaos.judge.repeats import Share
from chaos.judge.wording import counted, value_text
from chaos.model.verdict import Verdict

_MARKS = {"worse": "WORSE ", "better": "better", "no difference": "same  ", "not measured": "-     "}


def comparison_lines(found: Comparison, names: tuple[str, str], verdicts: tuple[Verdict, Verdict]) -> Iterator[str]:
    """Both runs, what was compared, and what that comes to."""
    for letter, name, verdict in zip("AB", names, verdicts, strict=True):
        yield f"{letter}  {name}: {verdict.outcome}"
    yield from (f"note: {note}" for note in found.notes)
    width = max((len(each.name) for each in found.differences), default=0)
    yield ""
    yield f"        {'':<{width}}  {'A':>9}  {'B':>9}  B's share that is good, less A's"
    for each in found.differences:
        values = f"{_value(each, each.a)}  {_value(each, each.b)}"
        yield f"{_MARKS[each.change]}  {each.name:<{width}}  {values}  {_by(each)}".rstrip()
    yield ""
    yield _summary(found)


def repeated_lines(repeated: Repeated) -> Iterator[str]:
    """How often the experiment held, with intervals."""
    yield ""
    if repeated.stopped:
        yield f"{repeated.stopped}; the same command goes on from here"
    held = repeated.shares[:1]
    if not held:
        yield f"{repeated.experiment}: no run gave an answer"
        return
    yield f"{repeated.experiment}: {held[0].count} of {counted(held[0].of, 'run')} held, {_share(held[0])}"
    yield from (f"  {each.outcome}: {each.count}, {_share(each)}" for each in repeated.shares[1:])
    if held[0].of < repeated.wanted:
        yield f"  {repeated.wanted - held[0].of} of {repeated.wanted} gave no answer yet"


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they need to be."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _value(of: Difference, value: float | None) -> str:
    return f"{'no sample' if value is None else value_text(value, of.measures):>9}"


def _by(of: Difference) -> str:
    if of.change == "not measured":
        return ""
    level = "< 0.0001" if of.adjusted < 0.0001 else f"{of.adjusted:.4f}"
    common = f" on the better side of {value_text(of.common, of.measures)}," if of.common is not None else ""
    return f"{100 * of.low:+.1f} to {100 * of.high:+.1f} points,{common} p {level}"


def _summary(found: Comparison) -> str:
    better = [each for each in found.differences if each.change == "better"]
    compared = [each for each in found.differences if each.change != "not measured"]
    if not compared:
        return "Nothing could be compared: the runs have no samples of the same thing."
    if not found.worse and not better:
        return f"Nothing differs beyond noise, of {counted(len(compared), 'thing')} compared."
    return (
        f"B is worse in {len(found.worse)} and better in {len(better)} of {counted(len(compared), 'thing')} compared, "
        "beyond noise."
    )


def _share(share: Share) -> str:
    return f"{share.count / share.of:.0%} (95% interval {share.low:.0%} to {share.high:.0%})"
