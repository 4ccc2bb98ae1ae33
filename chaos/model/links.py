"""What can be done to what passes a link, and what knocking at links tells about it.

The judgements are shared by the faults on links and on regions: a region's fault is one on many links.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

    @property
    def least_ms(self) -> float:
        """What takes so much longer than before is late: half of the smallest added delay."""
        return max(self.delay_ms - self.jitter_ms, self.delay_ms / 2) / 2

    @property
    def one_early_is_enough(self) -> bool:
        """Whether nothing that is delayed can come so early that it does not count as late."""
        return self.jitter_ms <= self.delay_ms / 2


class Errors(Struct, frozen=True, kw_only=True):
    """That share of the HTTP requests whose path begins with `path` is answered with `status`, and never arrives."""

    status: int
    share: float
    path: str = ""


class Loss(Struct, frozen=True, kw_only=True):
    """That share of the packets in one direction vanishes, drawn for each. Done to packets, not to streams."""

    share: float
    direction: Direction = "to"


LinkChange = Silence | Resets | Throttle | LateClose | Delay | Errors
LONG_DELAY_MS = 300.0
"""From here on one look is enough: nothing else on a loaded machine takes that long."""

_KNOCKS = 3
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


def usual_ms(knock: Callable[[Sequence[str]], Mapping[str, Knock]], links: Sequence[str]) -> dict[str, float]:
    """How long each link takes that answers: the fastest of several, since a busy machine only makes them slower."""
    answered: dict[str, list[float]] = {}
    for _ in range(_KNOCKS):
        for name, each in knock(links).items():
            if each.over != "silent":
                answered.setdefault(name, []).append(each.ms)
    return {name: round(min(times), 3) for name, times in answered.items()}


def fastest(
    knock: Callable[[Sequence[str]], Mapping[str, Knock]], before_ms: Mapping[str, float], delay: Delay
) -> dict[str, Knock]:
    """Knock at all, and once or twice more at those that are late; not when all are and the delay is a long one.

    A busy machine makes a knock slower, never faster, so of several at one link the fastest counts.
    """
    knocks = dict(knock([*before_ms]))
    for _ in range(_KNOCKS - 1 if delay.one_early_is_enough else 0):
        late = [name for name, each in knocks.items() if each.ms - before_ms.get(name, 0.0) >= delay.least_ms]
        if not late or (len(late) == len(knocks) and not _may_be_by_chance(knocks, delay)):
            break
        for name, again in knock(late).items():
            knocks[name] = min(knocks[name], again, key=lambda each: each.ms)
    return knocks


def _may_be_by_chance(knocks: Mapping[str, Knock], delay: Delay) -> bool:
    """Whether all may be so late because the machine was busy for a moment. Silence is told by its patience already."""
    return delay.delay_ms < LONG_DELAY_MS and all(each.over != "silent" for each in knocks.values())


def lateness(before_ms: Mapping[str, float], knocks: Mapping[str, Knock], delay: Delay) -> Observation:
    """Active when every link takes at least half of the smallest added delay longer than before; over when none."""
    if not knocks:
        return Observation(Active.NO, "none of the links exists any more")
    silent = [name for name, knock in knocks.items() if knock.over == "silent"]
    if silent:
        return Observation(Active.UNKNOWN, f"{len(silent)} of {_links(knocks)} do not answer: {', '.join(silent[:3])}")
    least = delay.least_ms
    longer = sorted(knock.ms - before_ms.get(name, 0.0) for name, knock in knocks.items())
    late = sum(each >= least for each in longer)
    spread = f"{longer[0]:.0f} to {longer[-1]:.0f} ms"
    said = f"{late} of {_links(knocks)} take at least {least:.0f} ms longer than before (seen: {spread})"
    return Observation(Active.YES if late == len(knocks) else Active.UNKNOWN if late else Active.NO, said)


def _links(knocks: Mapping[str, Knock]) -> str:
    return "1 link" if len(knocks) == 1 else f"{len(knocks)} links"
