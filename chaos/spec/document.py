"""Text -> nodes with marks. Keeps every scalar's text, so that types are decided where they are known.

The tree is built from libyaml's events and not by `yaml.compose`: that recurses in C and ends the whole process
with a segmentation fault on a few thousand nested brackets.
"""

from __future__ import annotations

import re

import yaml
from msgspec import Struct

from chaos.spec.problems import Mark, Problem, Wrong

MAX_DEPTH = 40
MAX_NODES = 20_000
"""Counted with aliases expanded, which is what stops an alias bomb."""


class ScalarNode(Struct, frozen=True):
    """A single value. `plain` says that it stood without quotes, so that `null` and `true` are not text."""

    mark: Mark
    text: str
    plain: bool


class SequenceNode(Struct, frozen=True):
    mark: Mark
    items: tuple[Node, ...]


class MappingNode(Struct, frozen=True):
    """Keys are unique; their nodes are kept for their marks."""

    mark: Mark
    entries: tuple[tuple[ScalarNode, Node], ...]

    def get(self, key: str) -> Node | None:
        return next((value for name, value in self.entries if name.text == key), None)


Node = ScalarNode | SequenceNode | MappingNode


def parse(text: str) -> tuple[Node, list[Problem]]:
    """The one document of a text, and problems after which reading could go on (duplicate keys, tags).

    Raises Wrong when the text is not YAML, is empty, or is not bounded.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            builder.take(event)
    except yaml.reader.ReaderError as error:
        raise Wrong.at(_place_of(text, error), f"not YAML: a character that is not allowed ({error.reason})") from error
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(text, error) from error
    if builder.root is None:
        raise Wrong.at(Mark(1, 1), "the file is empty", "docs/reference/experiment-format.md shows a whole one")
    if is_null(builder.root):
        raise Wrong.at(builder.root.mark, "the file holds no document, only comments or `null`")
    return builder.root, builder.problems


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.plain and node.text in ("", "~", "null", "Null", "NULL")


def shown(node: Node) -> str:
    """What was read, in a few words."""
    if isinstance(node, SequenceNode):
        return "a list"
    if isinstance(node, MappingNode):
        return "a mapping"
    if is_null(node):
        return "nothing"
    text = node.text if len(node.text) <= 60 else node.text[:57] + "..."
    return f'"{text}"' if text.isprintable() else ascii(text)


class _Open:
    """A sequence or mapping whose end was not seen yet."""

    def __init__(self, mark: Mark, mapping: bool, anchor: str | None) -> None:
        self.mark, self.mapping, self.anchor = mark, mapping, anchor
        self.children: list[Node] = []
        self.size = 1


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}  # None while the anchored node is still open

    def take(self, event: yaml.Event) -> None:
        assert event.start_mark is not None, "libyaml marks every event"
        mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", mark)
        elif isinstance(event, yaml.ScalarEvent):
            self._tag(event, mark)
            self._add(ScalarNode(mark, event.value, not event.style), event.anchor, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._tag(event, mark)
            if event.anchor:
                self._anchors[event.anchor] = None
            self._stack.append(_Open(mark, isinstance(event, yaml.MappingStartEvent), event.anchor))
            if len(self._stack) > MAX_DEPTH:
                raise Wrong.at(mark, f"nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self._stack.pop()
            node = self._mapping(done) if done.mapping else SequenceNode(done.mark, tuple(done.children))
            self._add(node, done.anchor, done.size)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise Wrong.at(mark, "a second document begins here", "one file holds one document: remove the `---`")

    def _tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, mark: Mark) -> None:
        if event.tag is not None:
            self.problems.append(Problem(mark=mark, message=f"the tag {event.tag} is not used here", hint="remove it"))

    def _alias(self, anchor: str, mark: Mark) -> None:
        if anchor not in self._anchors:
            raise Wrong.at(mark, f"*{anchor} refers to nothing", f"no value before it is marked &{anchor}")
        found = self._anchors[anchor]
        if found is None:
            raise Wrong.at(mark, f"*{anchor} refers to a value that contains it")
        self._add(found[0], None, found[1])

    def _add(self, node: Node, anchor: str | None, size: int) -> None:
        if anchor:
            self._anchors[anchor] = (node, size)
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        parent.children.append(node)
        parent.size += size
        if parent.size > MAX_NODES:
            raise Wrong.at(node.mark, f"holds more than {MAX_NODES} values (aliases expanded)")

    def _mapping(self, done: _Open) -> MappingNode:
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        for key, value in zip(done.children[::2], done.children[1::2], strict=True):
            trouble = _key_trouble(key, entries)
            if trouble:
                self.problems.append(Problem(mark=key.mark, message=trouble))
            elif isinstance(key, ScalarNode):
                entries[key.text] = (key, value)
        return MappingNode(done.mark, tuple(entries.values()))


def _key_trouble(key: Node, entries: dict[str, tuple[ScalarNode, Node]]) -> str:
    if not isinstance(key, ScalarNode):
        return f"a key must be a word, this is {shown(key)}"
    if key.plain and key.text == "<<":
        return "merge keys (<<) are not part of YAML 1.2: write the keys out, or use an alias for the whole value"
    if key.text in entries:
        return f"the key {shown(key)} is given twice, first in line {entries[key.text][0].mark.line}"
    return ""


def _place_of(text: str, error: yaml.reader.ReaderError) -> Mark:
    before = text[: error.position]
    return Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def _not_yaml(text: str, error: yaml.MarkedYAMLError) -> Wrong:
    at = error.problem_mark or error.context_mark
    mark = Mark(at.line + 1, at.column + 1) if at else Mark(1, 1)
    context = f" {error.context}" if error.context else ""
    lines = text.splitlines()
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    return Wrong.at(mark, f"not YAML: {error.problem}{context}", _likely_cause(line))


def _likely_cause(line: str) -> str:
    if re.search(r"(:|-)\s+>=?\s*[\d.]", line):
        return 'a value that begins with ">" needs quotes, e.g. target: ">= 99%"'
    if line.startswith("\t") or re.match(r" *\t", line):
        return "indent with blanks, not with tabs"
    if re.search(r"\S: .*: ", line):
        return 'a value that contains ": " needs quotes'
    if re.search(r":\s+[@`*&!%|]", line):
        return "a value that begins with one of @ ` * & ! % | needs quotes"
    return ""
