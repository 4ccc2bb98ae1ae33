"""Known weaknesses: named patches to the policies that take one protection away each.

An experiment that claims to test a protection must deviate when that protection is gone: `chaos run --weaken NAME`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from target_platform.kit.policy import parse_policies
from target_platform.kit.policy_text import patched

POLICIES = Path(__file__).parent.parent / "policies.yaml"


class Weakness(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`patch` is merged into the policies; `noticed_by` names the experiments that then deviate."""

    name: str
    story: str
    outage_class: str
    patch: dict[str, Any]
    noticed_by: tuple[str, ...]


class UnknownWeakness(LookupError):
    """There is no weakness of that name; the sentence lists the known ones."""


def known() -> dict[str, Weakness]:
    """All weaknesses by name. Raises ValueError for a file that is not one."""
    return {path.stem: _read(path) for path in sorted(Path(__file__).parent.glob("*.yaml"))}


def effective_policies(names: Sequence[str] = ()) -> str:
    """The text of policies.yaml with the named weaknesses patched in, checked; as it stands when there are none.

    A name that ends in .yaml is the path of a weakness of one's own.
    Raises UnknownWeakness (a LookupError) and PolicyError (a ValueError).
    """
    text = POLICIES.read_text(encoding="utf-8")
    if not names:
        return text
    text = f"# Weakened: {', '.join(names)}\n" + patched(text, [_find(name).patch for name in names])
    parse_policies(text, f"policies.yaml weakened by {', '.join(names)}")
    return text


def _find(name: str) -> Weakness:
    if name.endswith(".yaml"):
        return _read(Path(name))
    weaknesses = known()
    if name in weaknesses:
        return weaknesses[name]
    close = difflib.get_close_matches(name, weaknesses, n=1, cutoff=0.5)
    meant = f"; did you mean {close[0]}?" if close else ""
    raise UnknownWeakness(f"there is no weakness {name!r}{meant} (known: {', '.join(weaknesses)})")


def _read(path: Path) -> Weakness:
    try:
        weakness = msgspec.yaml.decode(path.read_bytes(), type=Weakness)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path.name} is not a weakness: {error}") from error
    except OSError as error:
        raise UnknownWeakness(f"the weakness {path} cannot be read: {error.strerror}") from error
    if weakness.name != path.stem:
        raise ValueError(f"{path.name} holds a weakness called {weakness.name}; file and name must agree")
    return weakness
