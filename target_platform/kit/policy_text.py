"""The text of a policies file: reading it strictly, merging patches into it, saying exactly what is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import yaml

from target_platform.kit.errors import PolicyError

Typed = TypeVar("Typed", bound=msgspec.Struct)
Mapped = dict[str, Any]


def patched(policies_text: str, patches: Sequence[Mapping[str, Any]]) -> str:
    """The text with patches merged into it, one after the other: what a patch does not name stays as it is.

    A mapping in a patch merges into the mapping of that key; anything else replaces it. The comments are lost.
    Raises PolicyError when the text is not a mapping.
    """
    policies = _load(policies_text, "policies.yaml")
    for patch in patches:
        policies = merged(policies, patch)
    return yaml.safe_dump(policies, sort_keys=False, allow_unicode=True)


def merged(below: Mapping[str, Any], above: Mapping[str, Any] | None) -> Mapped:
    """Both in one, deep; `above` wins."""
    result = dict(below)
    for key, value in (above or {}).items():
        under = result.get(key)
        result[key] = merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return result


def read_sections(text: str, source: str, known: Sequence[str]) -> dict[str, Mapped]:
    """The top-level sections, each a mapping. Raises PolicyError."""
    policies = _load(text, source)
    for name, section in policies.items():
        if name not in known:
            raise PolicyError(f"{source}: {name}: there is no such section{_suggestion(str(name), known)}")
        if not isinstance(section, dict):
            raise PolicyError(f"{source}: {name}: expected a mapping, got {section!r}")
        for key, value in section.items() if name in ("calls", "players") else ():
            if not isinstance(value, dict):
                raise PolicyError(f"{source}: {name}.{key}: expected a mapping, got {value!r}")
    return policies


def typed(value: Mapped, kind: type[Typed], source: str, key: str) -> Typed:
    """The mapping as a Struct. Raises PolicyError with the whole way to the key that is wrong."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise PolicyError(f"{source}: {_explained(str(error), value, kind, key)}") from error


class _StrictLoader(yaml.SafeLoader):
    """YAML lets the last of two equal keys win silently; here that is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _load(text: str, source: str) -> Mapped:
    try:
        value = yaml.load(text, _StrictLoader)
    except yaml.YAMLError as error:
        raise PolicyError(f"{source}: not YAML: {' '.join(str(error).split())}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PolicyError(f"{source}: expected a mapping at the top, got {value!r}")
    return value


def _explained(problem: str, value: Mapped, kind: type[msgspec.Struct], key: str) -> str:
    """msgspec says "Expected `float`, got `str` - at `$.breaker.failures`"; a person also wants key and value."""
    sentence, _, path = problem.partition(" - at `$")
    steps = [step for step in path.rstrip("`").split(".") if step]
    unknown = re.search(r"unknown field `(.+?)`", sentence)
    if unknown:
        allowed = _fields_at(kind, steps)
        where = ".".join([key, *steps, unknown[1]])
        return f"{where}: there is no such key{_suggestion(unknown[1], allowed)}"
    found: Any = value
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else found
    return f"{'.'.join([key, *steps])}: {sentence[:1].lower()}{sentence[1:]}, read {found!r}"


def _fields_at(kind: type[msgspec.Struct], steps: Iterable[str]) -> list[str]:
    for step in steps:
        inner = next((field.type for field in msgspec.structs.fields(kind) if field.name == step), None)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            kind = inner
    return [field.name for field in msgspec.structs.fields(kind)]


def _suggestion(name: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"{meant} (allowed: {', '.join(allowed)})"
