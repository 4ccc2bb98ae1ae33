"""JSON paths (Goessner): $, .name, ['name'], [0], [1:3], [0,2], *, .., and filters such as [?(@.state = "up")].

A filter compares with = == != < <= > >=, asks by `@.name` alone whether something is there, and joins by and, or, not
(also && || !). What it does not know is a ValueError that says at which character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<sign>==|!=|<=|>=|&&|\|\||=|<|>|!|\(|\))|(?P<path>@(?:\.[\w-]+|\[[^\]]*\])*)|(?P<word>\w+))"""
)
_NAME = re.compile(r"[^\W\d][\w-]*")
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(-?\d*)\s*)?$")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}
Step = Callable[[Any], Iterator[Any]]
Test = Callable[[Any], bool]


class JsonPath:
    """A path, read once. Raises ValueError."""

    def __init__(self, path: str) -> None:
        self._path = path.strip()
        self._at = 1
        if not self._path.startswith("$"):
            raise ValueError("it begins with $")
        self._steps: list[Step] = []
        while self._at < len(self._path):
            self._steps.append(self._step())

    def find(self, value: Any) -> list[Any]:
        """All that it leads to, in document order."""
        found = [value]
        for step in self._steps:
            found = [item for each in found for item in step(each)]
        return found

    def _step(self) -> Step:
        rest = self._path[self._at :]
        if rest.startswith(".."):
            self._at += 2
            inner = self._bracket() if self._path[self._at : self._at + 1] == "[" else self._named()
            return lambda value: (item for each in _descend(value) for item in inner(each))
        if rest.startswith(".["):
            self._at += 1
            return self._bracket()
        if rest.startswith("."):
            self._at += 1
            return self._named()
        if rest.startswith("["):
            return self._bracket()
        raise ValueError(f"{rest[:1]!r} at character {self._at + 1} is not understood")

    def _named(self) -> Step:
        if self._path[self._at : self._at + 1] == "*":
            self._at += 1
            return _children
        match = _NAME.match(self._path, self._at)
        if match is None:
            raise ValueError(f"a name is missing at character {self._at + 1}")
        self._at = match.end()
        return _member(match[0])

    def _bracket(self) -> Step:
        end = _closing(self._path, self._at)
        inside = self._path[self._at + 1 : end].strip()
        self._at = end + 1
        if inside.startswith("?"):
            return _filtered(_Filter(inside[1:]).test())
        steps = [_subscript(part.strip()) for part in _split(inside)]
        return lambda value: (item for step in steps for item in step(value))


def _subscript(part: str) -> Step:
    if part == "*":
        return _children
    if re.fullmatch(r"-?\d+", part):
        return _index(int(part))
    if part[:1] in ("'", '"') and part[-1:] == part[:1] and len(part) > 1:
        return _member(part[1:-1])
    match = _SLICE.match(part)
    if match:
        bounds = slice(*(int(each) if each else None for each in match.groups()))
        return lambda value: iter(value[bounds] if isinstance(value, list) else ())
    raise ValueError(f"[{part}] is not understood")


def _member(name: str) -> Step:
    return lambda value: iter([value[name]] if isinstance(value, dict) and name in value else ())


def _index(index: int) -> Step:
    return lambda value: iter([value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else ())


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _descend(value: Any) -> Iterator[Any]:
    yield value
    for child in _children(value):
        yield from _descend(child)


def _filtered(test: Test) -> Step:
    return lambda value: (item for item in _children(value) if test(item))


class _Filter:
    """`(@.a = 1 and @.b)` -> a test of one item: or over and over not."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"{text[at:].strip()!r} in a filter is not understood")
            self._tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
            at = match.end()

    def test(self) -> Test:
        test = self._either()
        if self._tokens:
            raise ValueError(f"{self._tokens[0][1]!r} in a filter is not understood")
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("or", "||"):
            tests.append(self._both())
        return lambda item: any(test(item) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("and", "&&"):
            tests.append(self._one())
        return lambda item: all(test(item) for test in tests)

    def _one(self) -> Test:
        if self._take("not", "!"):
            denied = self._one()
            return lambda item: not denied(item)
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise ValueError("a ) is missing in a filter")
            return inner
        left = self._operand()
        sign = self._tokens[0][1] if self._tokens else ""
        if sign not in _COMPARE:
            return lambda item: bool(left(item))
        self._tokens.pop(0)
        right = self._operand()
        return lambda item: _holds(_COMPARE[sign], left(item), right(item))

    def _operand(self) -> Callable[[Any], list[Any]]:
        """What it stands for as a list: nothing when a path leads nowhere."""
        kind, text = self._tokens.pop(0) if self._tokens else ("", "")
        if kind == "path":
            path = JsonPath("$" + text[1:])
            return path.find
        if kind == "number":
            return lambda item: [json.loads(text)]
        if kind == "text":
            return lambda item: [text[1:-1]]
        if text in ("true", "false", "null"):
            return lambda item: [json.loads(text)]
        raise ValueError(f"{text!r} in a filter is not understood")

    def _take(self, *words: str) -> bool:
        if self._tokens and self._tokens[0][0] in ("sign", "word") and self._tokens[0][1] in words:
            self._tokens.pop(0)
            return True
        return False


def _holds(compare: Callable[[Any, Any], bool], left: list[Any], right: list[Any]) -> bool:
    try:
        return bool(left) and bool(right) and compare(left[0], right[0])
    except TypeError:
        return False  # a word is neither more nor less than a number


def _closing(path: str, begin: int) -> int:
    depth, quote = 0, ""
    for at in range(begin, len(path)):
        letter = path[at]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "[":
            depth += 1
        elif letter == "]":
            depth -= 1
            if depth == 0:
                return at
    raise ValueError(f"the [ at character {begin + 1} is not closed")


def _split(inside: str) -> list[str]:
    return re.findall(r"'[^']*'|\"[^\"]*\"|[^,]+", inside)
