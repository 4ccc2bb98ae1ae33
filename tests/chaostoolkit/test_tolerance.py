"""Is a value within its tolerance? As the original decides, and never with a traceback."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.chaostoolkit.calls import Caller
from chaos.chaostoolkit.redact import Redactor
from chaos.chaostoolkit.tolerance import within
from chaos.chaostoolkit.values import Values
from chaos.model.jsonpath import JsonPath
from tests.chaostoolkit.corpus import EXTENSION

VALUES = Values({"zero": 0, "word": "yes"})
CALLER = Caller(VALUES, Redactor(VALUES), lambda: False)
DONE = {"status": 0, "stdout": "up\n", "stderr": ""}
ANSWER = {
    "status": 200,
    "headers": {},
    "body": {"items": [{"name": "a", "up": True, "n": 3}, {"name": "b", "up": False}]},
}


@pytest.mark.parametrize(
    ("tolerance", "value", "met"),
    [
        (True, True, True),
        (True, DONE, False),
        (200, ANSWER, True),
        (0, 0, True),
        (0, 1, False),
        ("yes", "yes", True),
        ("${word}", "yes", True),
        ("${zero}", DONE, True),
        ([200, 301], {"status": 301}, True),
        ([200, 301], {"status": 250}, False),
        ([1, 5], 5, True),
        ([1, 5], 5.01, False),
        ([1, 2, 5], 2, True),
        ([1, 2, 5], 4, False),
        ([1, 5], "three", False),
        ([1, 5], float("nan"), False),
        ({"type": "regex", "pattern": "^up", "target": "stdout"}, DONE, True),
        ({"type": "regex", "pattern": "^up"}, DONE, False),
        ({"type": "regex", "pattern": "${word}"}, "oh yes", True),
        ({"type": "range", "range": [1, 5]}, 3, True),
        ({"type": "range", "range": [1, 5]}, {"n": 3}, False),
        ({"type": "range", "range": [1, 5], "target": "n"}, {"n": "3.5"}, True),
        ({"type": "range", "range": [1, 5]}, None, False),
        ({"type": "jsonpath", "path": "$.items[*].name", "target": "body"}, ANSWER, True),
        ({"type": "jsonpath", "path": "$.items[*].name", "target": "body", "count": 2}, ANSWER, True),
        ({"type": "jsonpath", "path": "$.items[0].name", "target": "body", "expect": "a"}, ANSWER, True),
        ({"type": "jsonpath", "path": "$.items[*].name", "target": "body", "expect": ["a", "b"]}, ANSWER, True),
        ({"type": "jsonpath", "path": "$.items[*].up", "target": "body", "expect": [True, True]}, ANSWER, False),
        ({"type": "jsonpath", "path": "$.none", "target": "body"}, ANSWER, False),
        ({"type": "jsonpath", "path": "$.a"}, '{"a": 1}', True),
        ({"type": "jsonpath", "path": "$.a"}, "not JSON", False),
    ],
)
def test_tolerances(tolerance: Any, value: Any, met: bool) -> None:
    assert (within(tolerance, value, CALLER) == "") is met


def test_a_probe_judges() -> None:
    def judged(value: float, func: str = "is_small") -> str:
        provider = {"type": "python", "module": EXTENSION, "func": func, "arguments": {"limit": 5.0}}
        return within({"type": "probe", "name": "judge", "provider": provider}, value, CALLER)

    assert judged(4.0) == ""
    assert "6.0 (tolerance" in judged(6.0)
    assert "the probe that judges it failed" in judged(4.0, "nothing_of_the_kind")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [ANSWER]),
        ("$.body.items[1].name", ["b"]),
        ("$.body.items[-1].name", ["b"]),
        ("$['body']['items'][0]['name']", ["a"]),
        ("$.body.items[0,1].name", ["a", "b"]),
        ("$.body.items[0:1].name", ["a"]),
        ("$..name", ["a", "b"]),
        ("$.body.*[*].up", [True, False]),
        ('$.body.items[?(@.name = "b")].up', [False]),
        ("$.body.items[?(@.n > 2)].name", ["a"]),
        ("$.body.items[?(@.n)].name", ["a"]),
        ("$.body.items[?(not @.n)].name", ["b"]),
        ('$.body.items[?(@.n > 2 and @.name = "b")].name', []),
        ('$.body.items[?(@.n > 2 or @.name = "b")].name', ["a", "b"]),
    ],
)
def test_paths_lead_to(path: str, found: list[Any]) -> None:
    assert JsonPath(path).find(ANSWER) == found


@pytest.mark.parametrize("path", ["a.b", "$.", "$[", "$[x]", "$.a[?(@.b = )]", "$.a[?(@.b ~ 1)]", "$ a"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        JsonPath(path)
