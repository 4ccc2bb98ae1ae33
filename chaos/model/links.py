"""What can be done to what passes a link, and what knocking at links tells about it.

The judgements are shared by the faults on links and on regions: a region's fault is one on many links.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from chaos.model.fault import Active, Observation, Undo

Direction = Literal["to", "from"]
"""As the caller sees it: what goes to the destination, or what comes from it."""


class Silence(Struct, frozen=True, kw_only=True):
    """Bytes and ends vanish, and nobody is told. Connections from before are closed when it ends: they lack bytes."""

    directions: tuple[Direction, ...] = ("to", "from")


class Resets(Struct, frozen=True):
    """Every connection is reset (TCP RST) as soon as it is used."""


class Throttle(Struct, frozen=True, kw_only=True):
    """What comes from the destination is limited to this rate, each connection by itself."""

    bytes_per_second: float


class LateClose(Struct, frozen=True, kw_only=True):
    """The end of what the destination sends comes that much later; the data before it does not."""

    delay_ms: float


class Delay(Struct, frozen=True, kw_only=True):
    """What comes from the destination comes later, plus or minus up to jitter_ms; order is kept."""

    delay_ms: float
    jitter_ms: float = 0.0


class Errors(Struct, frozen=True, kw_only=True):
    """That share of the HTTP requests whose path begins with `path` is answered with `status`, and never arrives."""

    status: int
    share: float
    path: str = ""


LinkChange = Silence | Resets | Throttle | LateClose | Delay | Errors
Reaction = Literal["answered", "reset", "silent"]


class Knock(Struct, frozen=True, kw_only=True):
    """The end of a stream was sent `over` a link, and `behind` it straight to the destination: what came back.

    `ms` is how long the link took. A refusal is a reset.
    """

    over: Reaction
    behind: Reaction
    ms: float


class Heard(Struct, frozen=True, kw_only=True):
    """One GET over a link: the status (0 when no whole answer came), bytes of head and body, time to the last one."""

    status: int
    bytes: int
    ms: float


def change_name(undo: Undo) -> str:
    """One change for each injection: two on one link are reverted one by one."""
    return f"chaos-{undo.lease.run}-{undo.lease.injection}"


def silence(knocks: Mapping[str, Knock]) -> Observation:
    """Active when every link is silent although its destination answers when it is asked directly."""
    silent = [knock for knock in knocks.values() if knock.over == "silent"]
    cut_off = [knock for knock in silent if knock.behind != "silent"]
    if not knocks:
        return Observation(Active.NO, "none of the links exists any more")
    if not silent:
        return Observation(Active.NO, "the link answers" if len(knocks) == 1 else f"all {len(knocks)} links answer")
    if len(cut_off) == len(knocks) == 1:
        return Observation(Active.YES, "nothing comes through the link; its destination answers when asked directly")
    said = f"nothing comes through {len(silent)} of {_links(knocks)}; {len(cut_off)} of their destinations answer"
    return Observation(Active.YES if len(cut_off) == len(knocks) else Active.UNKNOWN, f"{said} when asked directly")


def lateness(before_ms: Mapping[str, float], knocks: Mapping[str, Knock], delay: Delay) -> Observation:
    """Active when every link takes at least half of the smallest added delay longer than before; over when none."""
    if not knocks:
        return Observation(Active.NO, "none of the links exists any more")
    silent = [name for name, knock in knocks.items() if knock.over == "silent"]
    if silent:
        return Observation(Active.UNKNOWN, f"{len(silent)} of {_links(knocks)} do not answer: {', '.join(silent[:3])}")
    least = max(delay.delay_ms - delay.jitter_ms, delay.delay_ms / 2) / 2
    longer = sorted(knock.ms - before_ms.get(name, 0.0) for name, knock in knocks.items())
    late = sum(each >= least for each in longer)
    spread = f"{longer[0]:.0f} to {longer[-1]:.0f} ms"
    said = f"{late} of {_links(knocks)} take at least {least:.0f} ms longer than before (seen: {spread})"
    return Observation(Active.YES if late == len(knocks) else Active.UNKNOWN if late else Active.NO, said)


def _links(knocks: Mapping[str, Knock]) -> str:
    return "1 link" if len(knocks) == 1 else f"{len(knocks)} links"
