"""Text -> nodes with marks, as PyYAML's safe loader or a JSON parser understands it.

Our own files are YAML 1.2 without tags and merge keys (spec/document.py). These were written for PyYAML, so `yes` is
true, `<<` merges, and a value that stands in quotes is text.
"""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import yaml

from chaos.spec.document import MAX_DEPTH, MAX_NODES, MappingNode, Node, ScalarNode, SequenceNode
from chaos.spec.problems import Mark, Problem, Wrong
from chaos.spec.text import read_text

_STR = "tag:yaml.org,2002:str"
_OURS = re.compile(r"^apiVersion\s*:", re.MULTILINE)
_THEIRS = ("title", "description", "method", "steady-state-hypothesis", "rollbacks")


def is_chaostoolkit(path: Path) -> bool:
    """Whether a file has the shape of a Chaos Toolkit experiment: at least two of its keys, and none of ours.

    Raises BadInput when the file cannot be read at all; one that cannot be parsed is not said to be theirs unless it
    is JSON, which ours never are.
    """
    text = read_text(path)
    if _OURS.search(text):
        return False
    try:
        root = parse(text, path.suffix == ".json").root
    except Wrong:
        return path.suffix == ".json"
    if not isinstance(root, MappingNode):
        return False
    keys = [key.text for key, _ in root.entries]
    return "apiVersion" not in keys and sum(key in _THEIRS for key in keys) >= 2


class Document:
    """The nodes of one file, and what value each of them stands for."""

    def __init__(self, root: Node, is_json: bool, problems: list[Problem]) -> None:
        self.root = root
        self.problems = problems
        self._is_json = is_json

    def value(self, node: Node) -> Any:
        """The node as plain data. Dates, which nothing after this could write down, are text."""
        if isinstance(node, MappingNode):
            return {key.text: self.value(item) for key, item in node.entries}
        if isinstance(node, SequenceNode):
            return [self.value(item) for item in node.items]
        if not node.plain:
            return node.text
        if self._is_json:
            return json.loads(node.text)
        return _yaml_value(node)


def parse(text: str, is_json: bool) -> Document:
    """Raises Wrong for what is no YAML or JSON, is empty, or is not bounded."""
    if is_json:
        _check_json(text)
        text = text.replace("\t", " ")  # allowed between JSON's values and not between YAML's; no string may hold one
    try:
        composed = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(at.line + 1, at.column + 1) if at else Mark(1, 1)
        raise Wrong.at(mark, f"not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise Wrong.at(Mark(1, 1), f"not YAML: {error}") from error
    except RecursionError:
        raise Wrong.at(Mark(1, 1), f"nested more than {MAX_DEPTH} levels deep") from None
    if composed is None:
        raise Wrong.at(Mark(1, 1), "the file is empty")
    reader = _Reader(is_json)
    return Document(reader.read(composed, 0), is_json, reader.problems)


class _Reader:
    """PyYAML's nodes -> ours, aliases expanded and bounded."""

    def __init__(self, is_json: bool) -> None:
        self.problems: list[Problem] = []
        self._is_json = is_json
        self._count = 0

    def read(self, node: yaml.Node, depth: int) -> Node:
        mark = Mark(node.start_mark.line + 1, node.start_mark.column + 1)
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_NODES:
            raise Wrong.at(mark, f"more than {MAX_DEPTH} levels deep, or more than {MAX_NODES} values")
        if isinstance(node, yaml.ScalarNode):
            plain = not node.style if self._is_json else node.tag != _STR  # 1e5 is a number in JSON alone
            return ScalarNode(mark, node.value, plain)
        if isinstance(node, yaml.SequenceNode):
            return SequenceNode(mark, tuple(self.read(item, depth + 1) for item in node.value))
        assert isinstance(node, yaml.MappingNode), "there are no other nodes"
        return self._mapping(node, mark, depth)

    def _mapping(self, node: yaml.MappingNode, mark: Mark, depth: int) -> MappingNode:
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        merged: dict[str, tuple[ScalarNode, Node]] = {}
        for key, value in node.value:
            name = self.read(key, depth + 1)
            if not isinstance(name, ScalarNode):
                self.problems.append(Problem(mark=name.mark, message="a key must be a word"))
            elif name.text == "<<" and name.plain:
                merged = {**self._merged(value, depth), **merged}
            elif name.text in entries:
                first = entries[name.text][0].mark.line
                message = f'the key "{name.text}" is given twice, first in line {first}'
                self.problems.append(Problem(mark=name.mark, message=message))
            else:
                entries[name.text] = (name, self.read(value, depth + 1))
        return MappingNode(mark, tuple({**merged, **entries}.values()))

    def _merged(self, value: yaml.Node, depth: int) -> dict[str, tuple[ScalarNode, Node]]:
        found: dict[str, tuple[ScalarNode, Node]] = {}
        for each in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
            read = self.read(each, depth + 1)
            if isinstance(read, MappingNode):
                found.update({key.text: (key, item) for key, item in read.entries})
        return found


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise Wrong.at(Mark(error.lineno, error.colno), f"not JSON: {error.msg}") from error
    except RecursionError:
        raise Wrong.at(Mark(1, 1), f"nested more than {MAX_DEPTH} levels deep") from None


def _yaml_value(node: ScalarNode) -> Any:
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, node.text, (True, False))  # type: ignore[no-untyped-call]  # no stubs
    try:
        value = loader.construct_object(yaml.ScalarNode(tag, node.text))
    except (ValueError, yaml.YAMLError):
        return node.text
    return value.isoformat() if isinstance(value, datetime.date) else value
