"""An experiment file: `kind: Experiment`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, get_args

import msgspec

from chaos.model.experiment import Experiment, Limits, PluginUse
from chaos.model.history import Check
from chaos.spec import units
from chaos.spec.document import MappingNode, Node, SequenceNode, is_null, parse, shown
from chaos.spec.fields import Fields, sequence
from chaos.spec.header import header
from chaos.spec.load import load as read_load
from chaos.spec.objectives import measures_of, objective
from chaos.spec.plugins import Plugins, Scope, plugin_use
from chaos.spec.problems import BadFile, Problem, Wrong
from chaos.spec.steps import STEPS_INSIDE, Method
from chaos.spec.text import read_text
from chaos.spec.values import one_of, positive, quantity, struct_values, text, whole_number
from chaos.spec.variables import as_mapping, substitute

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""A name becomes part of the run's folder and of labels in a cluster."""


def load_experiment(path: Path, plugins: Plugins, variables: Mapping[str, str] | None = None) -> Experiment:
    """The experiment in a file. `variables` override those of the file.

    Raises BadFile (a BadInput) with all problems of the file, or BadInput when the file cannot be read at all.
    """
    return read_experiment(read_text(path), str(path), plugins, variables)


def read_experiment(source: str, file: str, plugins: Plugins, variables: Mapping[str, str] | None = None) -> Experiment:
    """The experiment in a text; `file` is what problems are reported under and what relative paths start from."""
    problems: list[Problem] = []
    try:
        root, problems = parse(source)
        document, of_variables = substitute(as_mapping(root), variables or {})
        problems += of_variables
        experiment = _experiment(document, file, plugins)
    except Wrong as wrong:
        known = {problem.mark for problem in problems}  # what follows from an unset variable is no second problem
        raise BadFile(file, [*problems, *(each for each in wrong.problems if each.mark not in known)]) from wrong
    if problems:
        raise BadFile(file, problems)
    return experiment


def _experiment(document: MappingNode, file: str, plugins: Plugins) -> Experiment:
    header(document, "Experiment")
    scope = _scope(document, file, plugins)
    method = Method(document.get("method"), scope)
    with Fields(document, "an experiment") as fields:
        fields.allow("apiVersion", "kind", "variables")
        name = fields.required("name", name_of)
        hypothesis = fields.required("hypothesis", text)
        description = fields.optional("description", text, "")
        tags = fields.optional("tags", lambda node: sequence(node, "tags", text), ())
        seed = fields.optional("seed", _seed, None)
        names: set[str] = set()
        objectives = fields.required("steadyState", partial(_objectives, scope=scope, names=names))
        promises = fields.optional("dataSafety", partial(_data_safety, load=scope.load), ())
        load = fields.optional("load", lambda node: read_load(node, scope.folder), None)
        steps = fields.optional("method", method.steps, ())
        recovery = fields.optional("recovery", partial(quantity, units.SECONDS), 5.0)
        guardrails = fields.optional("guardrails", lambda node: _guardrails(node, scope), ())
        limits = fields.optional("limits", _limits, Limits())
    return Experiment(
        name=name,
        hypothesis=" ".join(hypothesis.split()),
        objectives=objectives,
        data_safety=promises,
        method=steps,
        description=description,
        tags=tags,
        load=load,
        guardrails=guardrails,
        limits=limits,
        seed=seed,
        recovery_seconds=recovery,
        source=file,
    )


def _scope(document: MappingNode, file: str, plugins: Plugins) -> Scope:
    load, method = document.get("load"), document.get("method")
    scope = Scope(
        plugins=plugins,
        folder=Path(file).parent,
        objectives={},
        load=load is not None and not is_null(load),
        faults=method is not None and _has_fault(method),
    )
    steady_state = document.get("steadyState")
    for item in steady_state.items if isinstance(steady_state, SequenceNode) else ():
        if isinstance(item, MappingNode):
            name = getattr(item.get("name"), "text", "").strip()
            scope.objectives[name] = measures_of(item.get("probe"), scope)
    return scope


def _has_fault(node: Node) -> bool:
    if isinstance(node, SequenceNode):
        return any(_has_fault(item) for item in node.items)
    if not isinstance(node, MappingNode):
        return False
    inside = (node.get(key) for key in STEPS_INSIDE)
    return node.get("fault") is not None or any(_has_fault(each) for each in inside if each is not None)


def name_of(node: Node) -> str:
    """A name that can be part of a folder's name and of a label."""
    name = text(node)
    if not NAME.fullmatch(name):
        raise Wrong.at(
            node.mark,
            f"{shown(node)} cannot be a name",
            "letters, digits, '.', '_' and '-', at most 63, a letter or digit first, e.g. slow-recommendations",
        )
    return name


def _seed(node: Node) -> int:
    seed = whole_number(node)
    if seed < 0:
        raise Wrong.at(node.mark, f"{shown(node)} is below 0")
    return seed


def _objectives(node: Node, scope: Scope, names: set[str]) -> tuple[Any, ...]:
    found = sequence(node, "objectives", lambda item: objective(item, scope, names))
    if not found:
        raise Wrong.at(
            node.mark, "the steady state needs at least one objective: without one there is nothing to judge"
        )
    return found


def _data_safety(node: Node, load: bool) -> tuple[Check, ...]:
    if not load:
        raise Wrong.at(node.mark, "promises about data are checked on what users did, and this experiment has no load")
    found: tuple[Check, ...] = sequence(node, "promises about data", one_of(*get_args(Check)))
    if len(set(found)) != len(found):
        raise Wrong.at(node.mark, "a promise stands there twice")
    return found


def _guardrails(node: Node, scope: Scope) -> tuple[PluginUse, ...]:
    return sequence(node, "guardrails", lambda item: plugin_use(item, "guardrail", scope))


def _limits(node: Node) -> Limits:
    with Fields(node, "limits") as fields:
        above_zero = {field.name: positive(units.spelling(field.name)[1] or units.NUMBER) for field in _NUMBERS}
        values = struct_values(fields, Limits, above_zero)
    return Limits(**values)


_NUMBERS = tuple(field for field in msgspec.structs.fields(Limits) if field.type is not bool)
