"""Does a history of operations break a promise about data? Pure: the same history, the same answer.

Each check looks at one key at a time (a viewer's place in a title, an account), since nothing is promised across keys.
An operation precedes another when it had ended before the other began; of two that overlap nothing is known. What
nobody answered may have happened or not, so it accuses nobody. This is the real-time order of Herlihy and Wing
("Linearizability: a correctness condition for concurrent objects", TOPLAS 12, 1990) without their total order: a
register that merges by the newest version promises less, and only that is asked for (docs/explanation/history.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from chaos.model.history import Check, Operation

History = Sequence[Operation]


class Violation(Struct, frozen=True, kw_only=True):
    """`history` is the smallest part of the key's history that still breaks the promise, in order of invocation."""

    check: Check
    key: str
    sentence: str
    history: tuple[Operation, ...]


def violations(check: Check, history: History) -> list[Violation]:
    """One for each key that breaks the promise, in the order of the keys."""
    find = _CHECKS[check]
    found: list[Violation] = []
    for key, of_key in sorted(_by_key(history, check).items()):
        if find(of_key):
            smallest = _smallest(of_key, lambda part: bool(find(part)))
            found.append(Violation(check=check, key=key, sentence=find(smallest), history=smallest))
    return found


def looked_at(check: Check, history: History) -> int:
    """How many operations could have shown that the promise is broken."""
    return sum(each.kind in _WITNESSES[check] and each.outcome == "ok" for each in history)


def _by_key(history: History, check: Check) -> dict[str, History]:
    groups: dict[str, list[Operation]] = defaultdict(list)
    for each in sorted(history, key=lambda each: (each.begun, each.ended)):
        if each.kind in _KINDS[check]:
            groups[each.key].append(each)
    return {key: tuple(of_key) for key, of_key in groups.items()}


def _smallest(history: History, broken: Callable[[History], bool]) -> tuple[Operation, ...]:
    """A part that is broken and of which no operation can be left out: halves first, then one by one.

    The idea is Zeller's and Hildebrandt's ("Simplifying and isolating failure-inducing input", TSE 28, 2002).
    """
    kept, size = list(history), len(history)
    while size:
        at = 0
        while at < len(kept):
            without = [*kept[:at], *kept[at + size :]]
            if broken(without):
                kept = without
            else:
                at += size
        size //= 2
    return tuple(kept)


def _acknowledged_kept(history: History) -> str:
    """A read shows at least the newest write that its region had acknowledged before it began; an audit that of any."""
    for read in _answered(history, "read", "audit"):
        newest = max((write.version or () for write in _acknowledged_before(read, history)), default=())
        if newest and (read.version is None or read.version < newest):
            where = "an audit at the end" if read.kind == "audit" else f"{read.region or 'the store'} afterwards"
            shown = "nothing" if read.version is None else f"the older {_words(read.version)}"
            return f"version {_words(newest)} was acknowledged, and {where} showed {shown}"
    return ""


def _monotonic_reads(history: History) -> str:
    """A session is never shown something older than what it was shown before, by the region that acknowledged that."""
    acknowledged = {(write.version, write.region) for write in _answered(history, "write")}
    reads = list(_answered(history, "read"))
    for later in reads:
        for earlier in reads:
            same = earlier.session == later.session and earlier.region == later.region
            promised = same and earlier.ended < later.begun and (earlier.version, earlier.region) in acknowledged
            if promised and earlier.version is not None and (later.version is None or later.version < earlier.version):
                shown = "nothing" if later.version is None else f"the older {_words(later.version)}"
                return f"{later.region or 'the store'} showed version {_words(earlier.version)}, and then {shown}"
    return ""


def _charged_once(history: History) -> str:
    """No account that was to be charged shows more than one charge."""
    if not any(each.kind == "charge" for each in history):
        return ""
    for statement in _answered(history, "statement"):
        if len({charge.id for charge in statement.charges}) > 1:
            return f"one charge was asked for and {len(statement.charges)} were made"
    return ""


def _charges_kept(history: History) -> str:
    """A charge that was acknowledged stands on every statement that was asked for afterwards."""
    for statement in _answered(history, "statement"):
        made = {charge.id for charge in statement.charges}
        for asked in _answered(history, "charge"):
            lost = [charge.id for charge in asked.charges if charge.id not in made]
            if asked.ended < statement.begun and lost:
                return f"charge {lost[0]} was acknowledged and does not stand on the provider's ledger"
    return ""


def _ledger_balanced(history: History) -> str:
    """When all that was asked for has been answered, what was acknowledged is what was taken, to the cent."""
    charges = [each for each in history if each.kind == "charge"]
    acknowledged = {charge.id: charge.cents for each in _answered(history, "charge") for charge in each.charges}
    if not acknowledged:
        return ""
    for statement in _answered(history, "statement"):
        taken = sum({charge.id: charge.cents for charge in statement.charges}.values())
        if all(each.ended < statement.begun for each in charges) and taken != sum(acknowledged.values()):
            return f"{sum(acknowledged.values())} cents were acknowledged and {taken} were taken"
    return ""


def _answered(history: History, *kinds: str) -> Iterator[Operation]:
    return (each for each in history if each.kind in kinds and each.outcome == "ok")


def _acknowledged_before(read: Operation, history: History) -> Iterator[Operation]:
    for write in _answered(history, "write"):
        if write.ended < read.begun and (read.kind == "audit" or write.region == read.region):
            yield write


def _words(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


_CHECKS: dict[Check, Callable[[History], str]] = {
    "acknowledged_kept": _acknowledged_kept,
    "monotonic_reads": _monotonic_reads,
    "charged_once": _charged_once,
    "charges_kept": _charges_kept,
    "ledger_balanced": _ledger_balanced,
}
_PLACES, _MONEY = ("write", "read", "audit"), ("charge", "statement")
_KINDS: dict[Check, tuple[str, ...]] = {
    "acknowledged_kept": _PLACES,
    "monotonic_reads": _PLACES,
    "charged_once": _MONEY,
    "charges_kept": _MONEY,
    "ledger_balanced": _MONEY,
}
_WITNESSES: dict[Check, tuple[str, ...]] = {
    "acknowledged_kept": ("read", "audit"),
    "monotonic_reads": ("read",),
    "charged_once": ("statement",),
    "charges_kept": ("statement",),
    "ledger_balanced": ("statement",),
}
