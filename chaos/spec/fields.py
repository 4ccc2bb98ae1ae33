"""The keys of one mapping, read with all their problems collected.

    with Fields(node, "an objective") as fields:
        name = fields.required("name", text)
        window = fields.optional("window", one_of(WINDOWS), "run")
    return Objective(name=name, window=window)

The end of the block reports unknown keys and raises Wrong when anything was wrong, so what follows it only ever sees
good values; inside it, a value that could not be read is a None that must not be touched.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TypeVar, cast

from chaos.spec import suggest
from chaos.spec.document import MappingNode, Node, SequenceNode, is_null, shown
from chaos.spec.problems import Problem, Wrong

Value = TypeVar("Value")
Default = TypeVar("Default")
Decode = Callable[[Node], Value]


class Fields:
    """Raises Wrong at once when the node is no mapping. `what` completes sentences: "an objective"."""

    def __init__(self, node: Node, what: str) -> None:
        if not isinstance(node, MappingNode):
            raise Wrong.at(node.mark, f"{what} must be a mapping (key: value), this is {shown(node)}")
        self.node = node
        self.what = what
        self.problems: list[Problem] = []
        self._asked: list[str] = []
        self._absent: list[str] = []

    def required(self, key: str, decode: Decode[Value]) -> Value:
        node = self._ask(key)
        if node is None:
            self._absent.append(key)
            return cast(Value, None)
        return self._read(key, node, decode)

    def optional(self, key: str, decode: Decode[Value], default: Default) -> Value | Default:
        node = self._ask(key)
        return default if node is None else self._read(key, node, decode)

    def allow(self, *keys: str) -> None:
        """Keys that somebody else reads."""
        self._asked.extend(keys)

    def wrong(self, message: str, hint: str = "", at: str = "") -> None:
        """Note a problem of the mapping, or of the key `at` when it is there."""
        place = next((name.mark for name, _ in self.node.entries if name.text == at), self.node.mark)
        self.problems.append(Problem(mark=place, message=message, hint=hint))

    def __enter__(self) -> Fields:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, Wrong):
            self.problems.extend(error.problems)
        elif error is not None:
            return
        self._close()
        if self.problems:
            raise Wrong(self.problems) from None

    def _ask(self, key: str) -> Node | None:
        self._asked.append(key)
        return self.node.get(key)

    def _read(self, key: str, node: Node, decode: Decode[Value]) -> Value:
        try:
            return decode(node)
        except Wrong as wrong:
            self.problems.extend(problem.under(key) for problem in wrong.problems)
            return cast(Value, None)

    def _close(self) -> None:
        given = [name.text for name, _ in self.node.entries]
        free = [key for key in self._asked if key not in given]
        misspelt: set[str] = set()
        for name, _ in self.node.entries:
            if name.text in self._asked:
                continue
            near = suggest.closest(name.text, free)
            misspelt.update([near] if near else [])
            hint = suggest.hint(name.text, free if near else self._asked)
            message = f"{self.what} has no key {shown(name)}"
            self.problems.append(Problem(mark=name.mark, message=message, hint=hint))
        for key in self._absent:
            if key not in misspelt:  # the misspelt one is reported already, with this as what was meant
                self.wrong(f"{self.what} needs the key `{key}`")


def sequence(node: Node, what: str, decode: Decode[Value]) -> tuple[Value, ...]:
    """Every item of a list decoded; all their problems at once. `what` is what it lists: "objectives"."""
    if not isinstance(node, SequenceNode):
        raise Wrong.at(node.mark, f"expected a list of {what} (lines beginning with `- `), this is {shown(node)}")
    values: list[Value] = []
    problems: list[Problem] = []
    for index, item in enumerate(node.items):
        try:
            values.append(decode(item))
        except Wrong as wrong:
            problems.extend(problem.under(f"[{index}]") for problem in wrong.problems)
    if problems:
        raise Wrong(problems)
    return tuple(values)


def single(node: Node, what: str) -> tuple[str, Node | None, Node]:
    """The one key of a mapping such as `{latency: {delay: 2s}}`: its name, its value (None for nothing), its node.

    A bare word stands for a key without a value: `fault: kill`.
    """
    if isinstance(node, MappingNode) and len(node.entries) == 1:
        name, value = node.entries[0]
        return name.text, None if is_null(value) else value, name
    if isinstance(node, MappingNode) and node.entries:
        keys = ", ".join(name.text for name, _ in node.entries)
        raise Wrong.at(
            node.mark,
            f"expected one {what} and found {len(node.entries)} keys: {keys}",
            f"its parameters belong inside it: {{{node.entries[0][0].text}: {{parameter: value}}}}",
        )
    if isinstance(node, MappingNode | SequenceNode) or is_null(node):
        raise Wrong.at(node.mark, f"expected one {what}, e.g. {{kind: {{parameter: value}}}}, this is {shown(node)}")
    return node.text, None, node
