"""What a tolerance may be: found out when the file is read, because a run must not learn it after the fault."""

from __future__ import annotations

import re
from typing import Any

from chaos.model.jsonpath import JsonPath
from chaos.spec import suggest
from chaos.spec.chaostoolkit.document import Document
from chaos.spec.document import MappingNode, Node, is_null, shown
from chaos.spec.fields import Fields
from chaos.spec.problems import Wrong
from chaos.spec.values import text

_TYPES = ("probe", "regex", "jsonpath", "range")
_KINDS = "a number without a fraction, text, true or false, a list, or a mapping with a type"


def check_tolerance(node: Node, document: Document) -> Any:
    """The tolerance as plain data. One of the type `probe` is checked as an activity by the caller. Raises Wrong."""
    value = document.value(node)
    if is_null(node) or value is None:
        raise Wrong.at(node.mark, "a tolerance cannot be empty", f"it is {_KINDS}")
    if isinstance(value, float):
        lower, upper = int(value) - 1, int(value) + 1
        hint = f"a number with a fraction is hardly ever met exactly: write a range, e.g. [{lower}, {upper}]"
        raise Wrong.at(node.mark, f"{shown(node)} cannot be a tolerance", hint)
    if isinstance(node, MappingNode):
        _check_typed(node, value)
    return value


def _check_typed(node: MappingNode, value: dict[str, Any]) -> None:
    kind = value.get("type")
    if kind is None:
        raise Wrong.at(node.mark, "a tolerance that is a mapping needs the key `type`", f"allowed: {', '.join(_TYPES)}")
    if kind not in _TYPES:
        place = node.get("type") or node
        raise Wrong.at(place.mark, f"{shown(place)} is no type of tolerance", suggest.hint(str(kind), _TYPES))
    if kind == "probe":
        return
    with Fields(node, f"a tolerance of the type {kind}") as fields:
        fields.allow("type", "target", "name")
        if kind == "regex":
            fields.required("pattern", _pattern)
        elif kind == "range":
            fields.required("range", lambda item: _range(item, value["range"]))
        else:
            fields.required("path", _path)
            fields.allow("count", "expect")


def _pattern(node: Node) -> str:
    pattern = text(node)
    try:
        re.compile(pattern)
    except re.error as error:
        raise Wrong.at(node.mark, f"{shown(node)} is no regular expression: {error}") from error
    return pattern


def _path(node: Node) -> str:
    path = text(node)
    if "$" not in path.replace("${", ""):
        return path  # a whole path can come from a variable
    try:
        JsonPath(path)
    except ValueError as error:
        if "${" not in path:
            raise Wrong.at(node.mark, f"{shown(node)} is no JSON path: {error}") from error
    return path


def _range(node: Node, value: Any) -> None:
    numbers = isinstance(value, list) and len(value) == 2
    if not numbers or not all(isinstance(each, int | float) and not isinstance(each, bool) for each in value):
        raise Wrong.at(node.mark, f"expected the two ends of a range, this is {shown(node)}", "e.g. [0, 10]")
