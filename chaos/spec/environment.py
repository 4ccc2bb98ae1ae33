"""An environment file: `kind: Environment`."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct, structs

from chaos.model.environment import JOINED, EnvironmentRef
from chaos.model.monkey import Monkey
from chaos.model.system import JSON
from chaos.spec import suggest
from chaos.spec.document import MappingNode, Node, shown
from chaos.spec.experiment import name_of
from chaos.spec.fields import Fields, sequence
from chaos.spec.header import header
from chaos.spec.plugins import Plugins
from chaos.spec.problems import Wrong
from chaos.spec.text import read_text
from chaos.spec.values import boolean, built, struct_values, text
from chaos.spec.whole import read_whole


def load_environment(path: Path, plugins: Plugins) -> EnvironmentRef:
    """The environment in a file, with `armed` (false unless the file says true) and `source` among its settings.

    Raises BadFile (a BadInput) with all problems of the file, or BadInput when the file cannot be read at all.
    """
    return read_environment(read_text(path), str(path), plugins)


def read_environment(source: str, file: str, plugins: Plugins) -> EnvironmentRef:
    """The environment in a text; `file` is what problems are reported under."""
    return read_whole(source, file, lambda document: _environment(document, file, plugins))


def _environment(document: MappingNode, file: str, plugins: Plugins) -> EnvironmentRef:
    header(document, "Environment")
    if document.get("parts") is not None:
        return _joined(document, file, plugins)
    with Fields(document, "an environment") as fields:
        fields.allow("apiVersion", "kind")
        armed = fields.optional("armed", boolean, False)
        ref = _one(fields, plugins)
        monkey = fields.optional("monkey", lambda node: _monkey(node, plugins), {})
    return structs.replace(ref, settings={**ref.settings, **monkey, "armed": armed, "source": file})


def _one(fields: Fields, plugins: Plugins) -> EnvironmentRef:
    name = fields.required("name", name_of)
    kind = fields.required("type", lambda node: _type(node, plugins))
    known = plugins.settings(kind) if kind is not None else None
    settings = fields.optional("settings", lambda node: _settings(node, known), {})
    return EnvironmentRef(kind=kind, name=name, settings=settings or {})


def _joined(document: MappingNode, file: str, plugins: Plugins) -> EnvironmentRef:
    """Several together; the file arms all of them, or none."""

    def part(node: Node) -> EnvironmentRef:
        with Fields(node, "a part of an environment") as fields:
            ref = _one(fields, plugins)
            if ref.name is not None and ref.name in names:
                fields.wrong(
                    f"two parts are called {ref.name}", "give each its own name: targets are told by it", "name"
                )
            names.add(ref.name)
        return ref

    names: set[str] = set()
    with Fields(document, "an environment of parts") as fields:
        fields.allow("apiVersion", "kind")
        name = fields.required("name", name_of)
        armed = fields.optional("armed", boolean, False)
        parts = fields.required("parts", lambda node: sequence(node, "environments", part))
        if parts is not None and len(parts) < 2:
            fields.wrong("parts are two environments or more", "write a single one without `parts`", at="parts")
    common: dict[str, JSON] = {"armed": armed, "source": file}
    each = tuple(structs.replace(ref, settings={**ref.settings, **common}) for ref in parts)
    return EnvironmentRef(kind=JOINED, name=name, settings=common, parts=each)


def _type(node: Node, plugins: Plugins) -> str:
    kind = text(node)
    known = plugins.names("environments")
    if kind not in known:
        raise Wrong.at(node.mark, f"there is no type of environment {shown(node)}", suggest.hint(kind, known, "known"))
    return kind


def _settings(node: Node, of: type[Struct] | None) -> dict[str, JSON]:
    """The settings as their type has them, defaults left out; none when the type of environment is not known."""
    if of is None:
        return {}
    with Fields(node, "settings") as fields:
        for reserved in ("armed", "source", "monkey"):
            if fields.node.get(reserved) is not None:
                fields.allow(reserved)
                fields.wrong(f"`{reserved}` does not belong under settings", "write it one level further out", reserved)
        values = struct_values(fields, of)
    # Through JSON, so that settings that were read back from a journal equal those that were written.
    settings: dict[str, JSON] = msgspec.json.decode(msgspec.json.encode(built(node, of, values)))
    return settings


def _monkey(node: Node, plugins: Plugins) -> dict[str, JSON]:
    """The section under its own name, its hours checked as the guardrail's parameters."""

    def hours(at: Node) -> JSON:
        of = plugins.guardrail("hours")
        with Fields(at, "hours") as fields:
            values = struct_values(fields, of)
        parameters: JSON = msgspec.json.decode(msgspec.json.encode(built(at, of, values)))
        return parameters

    with Fields(node, "monkey") as fields:
        values = struct_values(fields, Monkey, {"hours": hours})
    return {"monkey": msgspec.json.decode(msgspec.json.encode(built(node, Monkey, values)))}
