"""A Chaos Toolkit experiment: the whole file."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

from chaos.model.chaostoolkit import (
    HYPOTHESIS_STRATEGIES,
    ROLLBACK_STRATEGIES,
    Activity,
    Control,
    Hypothesis,
    ToolkitExperiment,
)
from chaos.spec import suggest
from chaos.spec.chaostoolkit.activity import Shape
from chaos.spec.chaostoolkit.document import parse
from chaos.spec.document import MappingNode, Node, SequenceNode, is_null, shown
from chaos.spec.fields import Fields, sequence
from chaos.spec.problems import BadFile, Problem, Wrong
from chaos.spec.text import read_text
from chaos.spec.values import one_of, text
from chaos.spec.variables import as_mapping

_KEYS = (
    "title",
    "description",
    "method",
    "steady-state-hypothesis",
    "rollbacks",
    "controls",
    "configuration",
    "secrets",
    "runtime",
    "version",
    "tags",
    "contributions",
    "extensions",
    "dry",
)


def load_chaostoolkit(path: Path, lenient: bool = False) -> ToolkitExperiment:
    """The experiment in a file. `lenient` lets misspelt keys pass. Raises BadFile with all its problems."""
    return read_chaostoolkit(read_text(path), str(path), lenient)


def read_chaostoolkit(source: str, file: str, lenient: bool = False) -> ToolkitExperiment:
    """The experiment in a text; problems are reported under `file`, whose ending says whether it is JSON."""
    problems: list[Problem] = []
    try:
        document = parse(source, file.endswith(".json"))
        problems = list(document.problems)
        shape = Shape(document, lenient)
        root = as_mapping(document.root)
        _check(root, shape)
        value = document.value(root)
    except Wrong as wrong:
        raise BadFile(file, [*problems, *wrong.problems]) from wrong
    if problems:
        raise BadFile(file, problems)
    return _built(value, file, tuple(shape.notes))


def _check(root: MappingNode, shape: Shape) -> None:
    names = _activity_names(root)
    activities = partial(_activities, shape=shape, names=names)
    with shape.fields(root, "an experiment", _KEYS) as fields:
        fields.required("title", text)
        fields.required("description", text)
        fields.required("method", activities)
        fields.optional("steady-state-hypothesis", lambda node: _hypothesis(node, shape, names), None)
        fields.optional("rollbacks", activities, None)
        fields.optional("controls", shape.controls, None)
        fields.optional("configuration", _configuration, None)
        fields.optional("secrets", _secrets, None)
        fields.optional("runtime", lambda node: _runtime(node, shape), None)


def _activities(node: Node, shape: Shape, names: set[str], tolerance: bool = False) -> None:
    if is_null(node):
        return
    sequence(node, "activities", lambda item: _activity(item, shape, names, tolerance))


def _activity(node: Node, shape: Shape, names: set[str], tolerance: bool) -> None:
    ref = node.get("ref") if isinstance(node, MappingNode) else None
    if ref is None:
        shape.activity(node, tolerance)
    elif text(ref) not in names:
        raise Wrong.at(ref.mark, f"no activity is called {shown(ref)}", suggest.hint(text(ref), names, "there are"))


def _hypothesis(node: Node, shape: Shape, names: set[str]) -> None:
    if is_null(node):
        return
    probes = partial(_activities, shape=shape, names=names, tolerance=True)
    with shape.fields(node, "a steady-state-hypothesis", ("title", "probes", "controls", "description")) as fields:
        fields.required("title", text)
        fields.optional("probes", probes, None)
        fields.optional("controls", shape.controls, None)


def _configuration(node: Node) -> None:
    if not isinstance(node, MappingNode) and not is_null(node):
        raise Wrong.at(node.mark, f"configuration must be a mapping, this is {shown(node)}")


def _secrets(node: Node) -> None:
    if is_null(node):
        return
    with Fields(node, "secrets") as fields:
        for name, _ in fields.node.entries:
            fields.optional(name.text, _configuration, None)


def _runtime(node: Node, shape: Shape) -> None:
    if is_null(node):
        return

    def strategy(item: Node, what: str, allowed: tuple[str, ...]) -> None:
        with shape.fields(item, what, ("strategy", "schedule")) as fields:
            fields.optional("strategy", one_of(*allowed), None)

    with shape.fields(node, "runtime", ("hypothesis", "rollbacks")) as fields:
        fields.optional("hypothesis", lambda item: strategy(item, "runtime.hypothesis", HYPOTHESIS_STRATEGIES), None)
        fields.optional("rollbacks", lambda item: strategy(item, "runtime.rollbacks", ROLLBACK_STRATEGIES), None)


def _activity_names(root: MappingNode) -> set[str]:
    """All that a `ref` may name."""
    hypothesis = root.get("steady-state-hypothesis")
    probes = hypothesis.get("probes") if isinstance(hypothesis, MappingNode) else None
    lists = [root.get("method"), root.get("rollbacks"), probes]
    items = [item for each in lists if isinstance(each, SequenceNode) for item in each.items]
    return {getattr(item.get("name"), "text", "") for item in items if isinstance(item, MappingNode)} - {""}


def _built(raw: dict[str, Any], file: str, notes: tuple[str, ...]) -> ToolkitExperiment:
    hypothesis = raw.get("steady-state-hypothesis") or {}
    by_name = {
        item["name"]: item
        for item in [*(raw.get("rollbacks") or []), *(hypothesis.get("probes") or []), *(raw.get("method") or [])]
        if "ref" not in item
    }
    runtime = raw.get("runtime") or {}

    def built(items: list[dict[str, Any]] | None) -> tuple[Activity, ...]:
        found = [by_name[item["ref"]] if "ref" in item else item for item in items or []]
        return tuple(Activity.of(_with_refs(copy.deepcopy(item), raw)) for item in found)

    return ToolkitExperiment(
        title=raw["title"],
        description=raw["description"],
        hypothesis=Hypothesis(
            title=hypothesis.get("title", ""),
            probes=built(hypothesis.get("probes")),
            controls=_controls(hypothesis.get("controls"), raw),
            raw=hypothesis,
        ),
        method=built(raw["method"]),
        rollbacks=built(raw.get("rollbacks")),
        controls=_controls(raw.get("controls"), raw),
        configuration=raw.get("configuration") or {},
        secrets={name: group or {} for name, group in (raw.get("secrets") or {}).items()},
        hypothesis_strategy=(runtime.get("hypothesis") or {}).get("strategy") or "",
        rollback_strategy=(runtime.get("rollbacks") or {}).get("strategy") or "",
        source=file,
        notes=notes,
        raw=raw,
    )


def _with_refs(item: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    """An activity whose controls that only name one of the experiment's are written out."""
    return {**item, "controls": _resolved(item["controls"], raw)} if item.get("controls") else item


def _controls(items: list[dict[str, Any]] | None, raw: dict[str, Any]) -> tuple[Control, ...]:
    import msgspec

    return tuple(msgspec.convert(item, Control) for item in _resolved(items, raw))


def _resolved(items: list[dict[str, Any]] | None, raw: dict[str, Any]) -> list[dict[str, Any]]:
    named = {item.get("name"): item for item in raw.get("controls") or []}
    found = [named.get(item["ref"], item) if "ref" in item else item for item in items or []]
    return [{key: value for key, value in item.items() if value is not None} for item in found if "provider" in item]
