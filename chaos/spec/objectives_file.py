"""A file of objectives: `kind: Objectives`."""

from __future__ import annotations

from pathlib import Path

from chaos.model.experiment import Objective
from chaos.model.objectives import Objectives
from chaos.spec.document import MappingNode, Node
from chaos.spec.experiment import name_of
from chaos.spec.fields import Fields, sequence
from chaos.spec.header import header
from chaos.spec.objectives import objective
from chaos.spec.plugins import Plugins, Scope
from chaos.spec.problems import Wrong
from chaos.spec.values import text
from chaos.spec.whole import read_whole


def read_objectives(source: str, file: str, plugins: Plugins) -> Objectives:
    """The objectives in a text; `file` is what problems are reported under. Raises BadFile with all of them."""
    return read_whole(source, file, lambda document: _objectives(document, file, plugins))


def _objectives(document: MappingNode, file: str, plugins: Plugins) -> Objectives:
    header(document, "Objectives")
    scope = Scope(plugins=plugins, folder=Path(file).parent, objectives={}, load=False, faults=False)
    with Fields(document, "a file of objectives") as fields:
        fields.allow("apiVersion", "kind")
        name = fields.required("name", name_of)
        description = fields.optional("description", text, "")
        found = fields.required("objectives", lambda node: _list(node, scope))
    return Objectives(name=name, objectives=found, description=description, source=file)


def _list(node: Node, scope: Scope) -> tuple[Objective, ...]:
    names: set[str] = set()
    found = sequence(node, "objectives", lambda item: objective(item, scope, names))
    if not found:
        raise Wrong.at(node.mark, "there is no objective in it")
    return found
