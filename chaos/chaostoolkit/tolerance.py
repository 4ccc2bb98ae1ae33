"""Is what a probe gave within its tolerance? By the rules of the original, but a value that cannot be compared is out
of tolerance with the reason, where the original ends with a traceback."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from chaos.chaostoolkit.calls import Caller, Child
from chaos.model.chaostoolkit import JSON, Activity
from chaos.model.jsonpath import JsonPath

_LONGEST = 200


class Incomparable(ValueError):
    """The value is not of the kind that the tolerance is about."""


def within(tolerance: JSON, value: Any, caller: Caller) -> str:
    """ "" when the value is within, else what it is and what it should be. May call a probe, which takes its time."""
    shown = caller.redactor.text(json.dumps(value, default=str))
    shown = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."
    wanted = caller.redactor.text(json.dumps(tolerance, default=str))
    try:
        met = _met(tolerance, value, caller)
    except Incomparable as error:
        return f"{shown} ({error}; tolerance {wanted})"
    return "" if met else f"{shown} (tolerance {wanted})"


def _met(tolerance: JSON, value: Any, caller: Caller) -> bool:
    if isinstance(tolerance, str):
        tolerance = caller.values.filled(tolerance)
    if isinstance(tolerance, dict):
        return _typed(tolerance, value, caller)
    status = value["status"] if isinstance(value, dict) and "status" in value else value
    if isinstance(tolerance, list):
        if isinstance(value, dict) and "status" in value:
            return status in tolerance
        return _in_range(tolerance, value) if len(tolerance) == 2 else value in tolerance
    if isinstance(tolerance, int) and not isinstance(tolerance, bool):
        return bool(status == tolerance)
    return bool(value == tolerance)


def _typed(tolerance: dict[str, Any], value: Any, caller: Caller) -> bool:
    kind = tolerance["type"]
    if kind == "probe":
        return _by_probe(tolerance, value, caller)
    target = tolerance.get("target")
    if isinstance(value, dict) and target is not None:
        value = value.get(target, value)
    if kind == "regex":
        if not isinstance(value, str):
            raise Incomparable("a pattern is for text: name the part that is text with `target`")
        return re.search(str(caller.values.filled(tolerance["pattern"])), value) is not None
    if kind == "range":
        return _in_range(tolerance["range"], value)
    return _by_path(tolerance, value, caller)


def _in_range(ends: list[Any], value: Any) -> bool:
    if isinstance(value, dict | list):
        raise Incomparable("a range is for a number: name the part that is one with `target`")
    try:
        number, low, high = (Decimal(str(each)) for each in (value, *ends))
        return low <= number <= high
    except InvalidOperation:
        if all(isinstance(each, str) for each in (value, *ends)):
            return bool(ends[0] <= value <= ends[1])
        raise Incomparable("a range is for a number") from None


def _by_path(tolerance: dict[str, Any], value: Any, caller: Caller) -> bool:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise Incomparable("a path is for JSON") from None
    try:
        matches = JsonPath(str(caller.values.filled(tolerance["path"]))).find(value)
    except ValueError as error:
        raise Incomparable(f"the path cannot be used: {error}") from error
    met = True
    if "count" in tolerance:
        met = len(matches) == tolerance["count"]
    if "expect" in tolerance:
        expected = caller.values.filled(tolerance["expect"])
        met = met and matches == (expected if isinstance(expected, list) else [expected])
    return met if {"count", "expect"} & set(tolerance) else bool(matches)


def _by_probe(tolerance: dict[str, Any], value: Any, caller: Caller) -> bool:
    probe = Activity.of({"name": tolerance.get("name") or "tolerance", "type": "probe", **_only(tolerance)})
    given = caller.job(probe.provider, {"value": value})
    child = Child()
    try:
        timeout = caller.timeout(probe)
        answer = child.ask(given, timeout, caller.stopped)
    finally:
        child.close()
    if "error" in answer:
        raise Incomparable(f"the probe that judges it failed: {caller.redactor.text(answer['error'])}")
    return bool(answer["output"])


def _only(tolerance: dict[str, Any]) -> dict[str, Any]:
    return {key: tolerance[key] for key in ("provider", "timeout") if key in tolerance}
