"""One value by its annotation and by the unit that its field's name says."""

from __future__ import annotations

import operator
import re
import types
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from chaos.model.environment import BadSetting
from chaos.model.system import JSON
from chaos.spec import suggest, units
from chaos.spec.document import MappingNode, Node, ScalarNode, SequenceNode, is_null, shown
from chaos.spec.fields import Decode, Fields, sequence
from chaos.spec.problems import Problem, Wrong

_INTEGER = re.compile(r"[-+]?(0|[1-9]\d{0,17})")


def text(node: Node) -> str:
    """Text that is not empty. A plain number or `true` is taken as it was written: nothing is lost by it."""
    if not isinstance(node, ScalarNode) or is_null(node):
        raise Wrong.at(node.mark, f"expected text, this is {shown(node)}")
    value = node.text.strip()
    if not value:
        raise Wrong.at(node.mark, "expected text, this is empty")
    if not value.replace("\n", "").replace("\t", "").isprintable():
        raise Wrong.at(node.mark, f"{value!a} holds characters that cannot be printed")
    return value


def one_of(*allowed: str) -> Callable[[Node], Any]:
    """A decoder of one of some words."""

    def decode(node: Node) -> Any:
        word = text(node)
        if word not in allowed:
            raise Wrong.at(node.mark, f"{shown(node)} is not allowed here", suggest.hint(word, allowed))
        return word

    return decode


def quantity(unit: units.Unit, node: Node) -> float:
    """A number with its unit, e.g. `250ms`."""
    if not isinstance(node, ScalarNode) or is_null(node):
        raise Wrong.at(node.mark, f"expected {unit.words}, e.g. {unit.example}, this is {shown(node)}")
    try:
        return unit.parse(node.text.strip())
    except ValueError as error:
        raise Wrong.at(node.mark, str(error)) from error


def positive(unit: units.Unit) -> Callable[[Node], float]:
    """A decoder of a quantity above 0."""

    def decode(node: Node) -> float:
        value = quantity(unit, node)
        if value <= 0:
            raise Wrong.at(node.mark, f"{shown(node)} is not above 0")
        return value

    return decode


def whole_number(node: Node) -> int:
    if isinstance(node, ScalarNode) and node.plain and _INTEGER.fullmatch(node.text):
        return int(node.text)
    value = quantity(units.NUMBER, node)  # says it best when it is no number at all
    raise Wrong.at(node.mark, f"expected a whole number without quotes, this is {units.plain(value)}")


def boolean(node: Node) -> bool:
    word = node.text if isinstance(node, ScalarNode) and node.plain else ""
    if word in ("true", "True", "TRUE"):
        return True
    if word in ("false", "False", "FALSE"):
        return False
    raise Wrong.at(node.mark, f"expected true or false, this is {shown(node)}", "YAML 1.2 knows no yes, no, on, off")


def anything(node: Node) -> JSON:
    """A value of no stated type, resolved as YAML 1.2 does."""
    if isinstance(node, SequenceNode):
        return list(sequence(node, "values", anything))
    if isinstance(node, MappingNode):
        with Fields(node, "a mapping") as fields:
            return {name.text: fields.required(name.text, anything) for name, _ in node.entries}
    if is_null(node):
        return None
    if not node.plain:
        return node.text
    if node.text.lower() in ("true", "false"):
        return boolean(node)
    if _INTEGER.fullmatch(node.text):
        return int(node.text)
    try:
        return units.number(node.text)
    except ValueError:
        return text(node)


def struct_values(fields: Fields, of: type[Struct], special: Mapping[str, Decode[Any]] | None = None) -> dict[str, Any]:
    """The values of a Struct's fields as far as they are given; defaults are left to the Struct.

    `special` are decoders of fields, by name, whose annotation does not say everything.
    """
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(of):
        key, unit = units.spelling(field.name)
        by_type: Decode[Any] = partial(by_annotation, annotation=field.type, unit=unit)
        decode = (special or {}).get(field.name, by_type)
        if field.required or fields.node.get(key) is not None:
            values[field.name] = fields.required(key, decode)
        else:
            fields.allow(key)
    return values


def by_annotation(node: Node, annotation: Any, unit: units.Unit | None = None) -> Any:
    """Decode as the annotation says. One that it does not know is a bug of the plug-in: TypeError."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        value = by_annotation(node, arguments[0], unit)
        for meta in arguments[1:]:
            if isinstance(meta, Meta):
                _check(node, value, meta, unit)
        return value
    if origin in (Union, types.UnionType):
        return _by_union(node, arguments, unit)
    if origin is Literal:
        return one_of(*arguments)(node)
    if origin in (tuple, list):
        return sequence(node, "values", lambda item: by_annotation(item, arguments[0], unit))
    if origin is dict:
        return _by_keys(node, arguments[1], unit)
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        with Fields(node, f"a {annotation.__name__.lower()}") as fields:
            values = struct_values(fields, annotation)
        return built(node, annotation, values)
    return _scalar(node, annotation, unit)


def built(node: Node, of: type[Struct], values: Mapping[str, Any]) -> Any:
    """A Struct of its values; what its own __post_init__ objects to is placed as exactly as it says."""
    try:
        return of(**values)
    except BadSetting as error:
        raise Wrong([_placed(node, error)]) from error
    except ValueError as error:
        raise Wrong.at(node.mark, str(error)) from error


def _placed(node: Node, error: BadSetting) -> Problem:
    path = ""
    for part in error.path:
        found: Node | None = None
        if isinstance(node, MappingNode) and isinstance(part, str):
            found = node.get(part)
        elif isinstance(node, SequenceNode) and isinstance(part, int):
            found = node.items[part]
        if found is None:
            break  # what is missing is placed where it should be
        node = found
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return Problem(mark=node.mark, message=str(error), hint=error.hint, path=path)


def _scalar(node: Node, annotation: Any, unit: units.Unit | None) -> Any:
    if annotation is Any:
        return anything(node)
    if annotation is str:
        return text(node)
    if annotation is bool:
        return boolean(node)
    if annotation is float:
        return quantity(unit or units.NUMBER, node)
    if annotation is int and unit is None:
        return whole_number(node)
    if annotation is int and unit is not None:
        value = quantity(unit, node)
        if value != int(value):
            raise Wrong.at(node.mark, f"{shown(node)} is finer than what can be set here")
        return int(value)
    raise TypeError(f"a parameter cannot be of the type {annotation}")


def _by_union(node: Node, options: tuple[Any, ...], unit: units.Unit | None) -> Any:
    real = [option for option in options if option is not types.NoneType]
    if is_null(node) and len(real) < len(options):
        return None
    if len(real) == 1:
        return by_annotation(node, real[0], unit)
    problems: list[Problem] = []
    for option in real:
        try:
            return by_annotation(node, option, unit)
        except Wrong as wrong:
            problems.extend(wrong.problems)
    raise Wrong(problems[:1])


def _by_keys(node: Node, annotation: Any, unit: units.Unit | None) -> dict[str, Any]:
    with Fields(node, "this") as fields:
        return {
            name.text: fields.required(name.text, lambda item: by_annotation(item, annotation, unit))
            for name, _ in fields.node.entries
        }


def _check(node: Node, value: Any, meta: Meta, unit: units.Unit | None) -> None:
    write = (unit or units.NUMBER).write
    bounds: list[tuple[float | None, str, Callable[[Any, Any], bool]]] = [
        (meta.ge, "at least", operator.ge),
        (meta.gt, "above", operator.gt),
        (meta.le, "at most", operator.le),
        (meta.lt, "below", operator.lt),
    ]
    for bound, words, holds in bounds:
        if bound is not None and not holds(value, bound):
            raise Wrong.at(node.mark, f"{shown(node)} is not allowed: it must be {words} {write(bound)}")
    if meta.min_length is not None and len(value) < meta.min_length:
        raise Wrong.at(node.mark, f"{shown(node)} is too short: at least {meta.min_length}")
    if meta.max_length is not None and len(value) > meta.max_length:
        raise Wrong.at(node.mark, f"{shown(node)} is too long: at most {meta.max_length}")
    if meta.pattern is not None and not re.search(meta.pattern, value):
        raise Wrong.at(node.mark, f"{shown(node)} is not allowed: {meta.description or 'it must match'} {meta.pattern}")
