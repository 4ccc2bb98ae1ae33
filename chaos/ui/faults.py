"""Faults: each with its target, how far it is, what was seen of it, and how long its lease lasts."""

from __future__ import annotations

from chaos.judge.story import InjectionStory
from chaos.judge.wording import counted, seconds_text
from chaos.model.fault import Active
from chaos.ui.lines import Line, Piece, Style, fit, line
from chaos.ui.state import State

_STATE, _LEASE = 13, 7


def fault_lines(state: State, now: float, width: int, most: int) -> list[Line]:
    """A title and a line a fault: those that are open first, then the latest."""
    assert state.story is not None
    items = sorted(state.injections, key=lambda item: (not item.open, -item.begun.at))
    if not items:
        told = [f"not injected into {each.target}: {each.message}" for each in state.story.never_begun]
        return [line(Piece("faults     ", "soft"), told[0] if told else "none yet")][:most]
    room = most - 1
    shown = items if len(items) <= room else items[: max(0, room - 1)]
    still = sum(item.open for item in items)
    target = min(max(len(_what(item)) for item in items), max(20, (width - _STATE) // 2))
    title = fit(f"faults     {still} open, {len(items) - still} closed", _STATE + target + 4)
    lines = [line(Piece(title + (fit("lease", _LEASE) if still else "") + "seen", "soft"))]
    lines += [_line(item, now, target, bool(still)) for item in shown]
    if len(shown) < len(items):
        hidden = items[len(shown) :]
        still_hidden = sum(item.open for item in hidden)
        lines.append(line(Piece(f"  and {counted(len(hidden), 'more')[:-1]} ({still_hidden} open)", "soft")))
    return lines[:most]


def progress(item: InjectionStory) -> tuple[str, str, Style]:
    """How far an injection is in a word, and what was seen that says so."""
    if item.not_injected is not None:
        return "not injected", item.not_injected.message, "unclear"
    if not item.open and item.reverted is not None:
        return "reverted", f"after {seconds_text(item.reverted.at - item.begun.at)}: {item.reverted.evidence}", "good"
    if item.revert_failed is not None:
        unseen = item.revert_failed.active is Active.UNKNOWN
        return "CANNOT TELL" if unseen else "STILL BROKEN", item.revert_failed.message, "alert"
    if item.reverting is not None:
        return "reverting", f"by the {item.reverting.by}", "fault"
    if item.injected is not None:
        word = {Active.YES: "active", Active.NO: "no effect", Active.UNKNOWN: "cannot tell"}.get(item.injected.active)
        known = item.injected.active.struck
        return word or item.injected.active.value, item.injected.evidence, "fault" if known else "bad"
    if item.failed is not None:
        return "failed", item.failed.message, "bad"
    return "injecting", "", "fault"


def _line(item: InjectionStory, now: float, room: int, with_lease: bool) -> Line:
    word, seen, style = progress(item)
    left = item.begun.undo.lease.expires_at - now
    lease = "" if not item.open else f"{left:.0f} s" if left > 0 else "over"
    return line(
        "  ",
        Piece(fit(word, _STATE), style),
        f"{fit(_what(item), room)}  ",
        fit(lease, _LEASE) if with_lease else "",
        Piece(seen, "soft"),
    )


def _what(item: InjectionStory) -> str:
    return f"{item.begun.fault.kind} on {item.begun.target}"
