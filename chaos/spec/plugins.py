"""The use of a plug-in: `{latency: {delay: 2s}}` -> PluginUse, checked against the plug-in's own fields."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from chaos.model.errors import ChaosError
from chaos.model.experiment import PluginUse
from chaos.spec import suggest, units
from chaos.spec.document import MappingNode, Node, shown
from chaos.spec.fields import Decode, Fields, single
from chaos.spec.problems import Mark, Problem, Wrong
from chaos.spec.values import quantity, struct_values, text

Measures = Literal["share", "milliseconds", "number"]
Role = Literal["fault", "probe", "guardrail"]

OBJECTIVES_UNIT = "objective"
"""Meta(extra={"unit": OBJECTIVES_UNIT}) marks a field written in the unit of what the sibling `objective` measures."""

UNIT_OF_MEASURE = {"share": units.SHARE, "milliseconds": units.MILLISECONDS, "number": units.NUMBER}


class Plugins(Protocol):
    """What has to be known of plug-ins to read a file: the catalogue, or a stand-in."""

    def names(self, group: str) -> tuple[str, ...]:
        """The kinds of a group: "faults", "probes", "guardrails", "environments"."""
        ...

    def fault(self, kind: str) -> type[Any]: ...

    def probe(self, kind: str) -> type[Any]: ...

    def guardrail(self, kind: str) -> type[Any]: ...

    def settings(self, kind: str) -> type[Any]:
        """The Struct of what an environment of this kind may have under `settings`."""
        ...


class Scope(Struct, frozen=True):
    """What must be known of the whole file to read a part of it, looked up before anything is decoded.

    `objectives` maps names to what they measure, None where that cannot be told because the objective itself is wrong.
    """

    plugins: Plugins
    folder: Path
    objectives: dict[str, Measures | None]
    load: bool
    faults: bool


def plugin_use(node: Node, role: Role, scope: Scope) -> PluginUse:
    """Kind and parameters, with defaults filled in and units resolved. Raises Wrong."""
    kind, value, at = single(node, role)
    of = plugin_type(kind, role, scope, at.mark)
    problems: list[Problem] = []
    if role == "probe" and of.source == "load" and not scope.load:
        message = f"the probe {kind} reads the load generator's report, and there is no `load:`"
        problems.append(Problem(mark=at.mark, message=message, hint="add a load section"))
    parameters: dict[str, Any] = {}
    try:
        parameters = _parameters(value or MappingNode(at.mark, ()), of, kind, scope)
    except Wrong as wrong:
        problems += (problem.under(kind) for problem in wrong.problems)
    if problems:
        raise Wrong(problems)
    return PluginUse(kind=kind, parameters=parameters)


def plugin_type(kind: str, role: Role, scope: Scope, mark: Mark) -> type[Any]:
    """The plug-in's type. Raises Wrong for one that does not exist or is broken."""
    known = scope.plugins.names(f"{role}s")
    if kind not in known:
        raise Wrong.at(mark, f'there is no {role} "{kind[:60]}"', suggest.hint(kind, known, "known"))
    get: Callable[[str], type[Any]] = getattr(scope.plugins, role)
    try:
        return get(kind)
    except ChaosError as error:
        raise Wrong.at(mark, error.message, error.hint) from error


def type_in(use: Node | None, role: Role, scope: Scope) -> type[Any] | None:
    """The type that a use as written speaks of, or None; why there is none is told where the use is decoded."""
    if use is None:
        return None
    try:
        kind, _, at = single(use, role)
        return plugin_type(kind, role, scope, at.mark)
    except Wrong:
        return None


def _parameters(node: Node, of: type[Struct], kind: str, scope: Scope) -> dict[str, Any]:
    with Fields(node, kind) as fields:
        values = struct_values(fields, of, _about_objectives(fields.node, of, scope))
    try:
        filled = of(**values)
    except (ValueError, TypeError) as error:  # raised by the plug-in's own __post_init__
        raise Wrong.at(node.mark, f"{kind}: {error}") from error
    # Through JSON, so that a plan that was read back from its journal equals the one that was written.
    parameters: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(filled))
    return parameters


def _about_objectives(node: MappingNode, of: type[Struct], scope: Scope) -> dict[str, Decode[Any]]:
    """Decoders of the fields that speak of an objective: its name, and values in its unit."""

    def name(at: Node) -> str:
        word = text(at)
        if word not in scope.objectives:
            raise Wrong.at(at.mark, f"there is no objective {shown(at)}", suggest.hint(word, scope.objectives, "known"))
        return word

    def magnitude(at: Node) -> float:
        named = node.get("objective")
        measures = scope.objectives.get(getattr(named, "text", "").strip())
        return quantity(UNIT_OF_MEASURE[measures], at) if measures else 0.0  # the objective is reported by itself

    special: dict[str, Decode[Any]] = {}
    for field in msgspec.structs.fields(of):
        if field.name == "objective":
            special[field.name] = name
        elif in_objectives_unit(field.type):
            special[field.name] = magnitude
    return special


def in_objectives_unit(annotation: Any) -> bool:
    metas = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return any(isinstance(meta, Meta) and (meta.extra or {}).get("unit") == OBJECTIVES_UNIT for meta in metas)
