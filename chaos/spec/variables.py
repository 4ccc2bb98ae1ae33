"""${name} inside values: defaults under `variables:` in the file, overridden from outside (--var name=value).

`$${` stands for a `${` that is meant as it is. The value takes the place of the text before types are decided, and
can never add keys: what was one value stays one value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from chaos.spec import suggest
from chaos.spec.document import MappingNode, Node, ScalarNode, SequenceNode, is_null, shown
from chaos.spec.problems import Mark, Problem, Wrong

_USE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def substitute(root: MappingNode, overrides: Mapping[str, str]) -> tuple[MappingNode, list[Problem]]:
    """The document with every ${name} replaced, and all that is wrong with its variables."""
    substitution = _Substitution(root, overrides)
    entries = tuple(
        (key, value if key.text == "variables" else substitution.walk(value, key.text)) for key, value in root.entries
    )
    return MappingNode(root.mark, entries), substitution.problems + substitution.unused()


class _Substitution:
    def __init__(self, root: MappingNode, overrides: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self.declared: dict[str, str] = {}
        self._overrides = overrides
        self._used: set[str] = set()
        section = root.get("variables")
        self._at = section.mark if section else Mark(1, 1)
        if section is not None and not is_null(section):
            self._declare(section)

    def walk(self, node: Node, path: str) -> Node:
        if isinstance(node, SequenceNode):
            items = (self.walk(item, f"{path}[{index}]") for index, item in enumerate(node.items))
            return SequenceNode(node.mark, tuple(items))
        if isinstance(node, MappingNode):
            entries = ((key, self.walk(value, f"{path}.{key.text}")) for key, value in node.entries)
            return MappingNode(node.mark, tuple(entries))
        if "${" not in node.text:
            return node
        return ScalarNode(node.mark, _USE.sub(lambda use: self._value(node, use, path), node.text), node.plain)

    def unused(self) -> list[Problem]:
        """Overrides that change nothing: most likely a slip in a name, so the run would not be what was asked for."""
        return [
            Problem(
                mark=self._at,
                path="variables",
                message=f"the variable {name} was given a value, and nothing in the file uses ${{{name}}}",
                hint=suggest.hint(name, self.declared, "variables"),
            )
            for name in self._overrides
            if name not in self._used
        ]

    def _declare(self, section: Node) -> None:
        if not isinstance(section, MappingNode):
            self._wrong(section, f"variables must be a mapping (name: value), this is {shown(section)}")
            return
        for key, value in section.entries:
            if not _NAME.fullmatch(key.text):
                self._wrong(key, f"{shown(key)} cannot be a variable's name", "letters, digits, _ and -")
            elif not isinstance(value, ScalarNode) or is_null(value):
                self._wrong(value, f"a variable holds one value, this is {shown(value)}")
            else:
                self.declared[key.text] = value.text

    def _value(self, node: ScalarNode, use: re.Match[str], path: str) -> str:
        if use[0] == "$${":
            return "${"
        name = use[1]
        self._used.add(name)
        if name in self._overrides:
            return self._overrides[name]
        if name in self.declared:
            return self.declared[name]
        if not _NAME.fullmatch(name) or not use[0].endswith("}"):
            problem = f"{shown(node)}: ${{...}} must hold a variable's name"
            self._wrong(node, problem, "write $${ for a literal ${", path)
        else:
            hint = suggest.hint(name, self.declared, "variables") + f"; or give it from outside: --var {name}=..."
            self._wrong(node, f"the variable ${{{name}}} is not set", hint, path)
        return ""

    def _wrong(self, node: Node, message: str, hint: str = "", path: str = "variables") -> None:
        self.problems.append(Problem(mark=node.mark, message=message, hint=hint, path=path))


def as_mapping(root: Node) -> MappingNode:
    """The document as a mapping. Raises Wrong for a list or a bare value."""
    if isinstance(root, MappingNode):
        return root
    raise Wrong.at(root.mark, f"a file begins with keys such as `apiVersion: chaos/v1`, this is {shown(root)}")
