"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` is most likely a slip of, or None when none is near.

    Near is one slip for every three letters, where case, "_", "-" and blanks do not count, and a slip is a letter too
    many, too few, wrong or swapped with its neighbour (optimal string alignment).
    """
    wanted = _plain(word)
    ranked = sorted((slips(wanted, _plain(candidate)), candidate) for candidate in candidates)
    if ranked and ranked[0][0] <= max(len(wanted), 3) // 3:
        return ranked[0][1]
    return None


def hint(word: str, candidates: Iterable[str], label: str = "allowed") -> str:
    """One line: did you mean X? allowed: A, B, C."""
    known = sorted(set(candidates))
    near = closest(word, known)
    meant = f'did you mean "{near}"? ' if near is not None else ""
    return f"{meant}{label}: {', '.join(known) or 'none'}"


def slips(first: str, second: str) -> int:
    """The optimal string alignment distance of two words."""
    if abs(len(first) - len(second)) > 8:
        return max(len(first), len(second))
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        last, before, row = before, row, [i]
        for j, other in enumerate(second, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _plain(word: str) -> str:
    return word[:64].lower().replace("_", "").replace("-", "").replace(" ", "")
