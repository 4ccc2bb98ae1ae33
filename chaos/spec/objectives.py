"""The steady state: objectives, and thresholds in the unit of what their probe measures."""

from __future__ import annotations

import re
from typing import get_args

from chaos.model.experiment import Objective, Operator, Threshold, Window
from chaos.spec import units
from chaos.spec.document import Node, ScalarNode, shown
from chaos.spec.fields import Fields
from chaos.spec.plugins import UNIT_OF_MEASURE, Measures, Scope, plugin_use, type_in
from chaos.spec.problems import Wrong
from chaos.spec.values import one_of, quantity, text, whole_number

_RUN: Window = "run"
_WINDOWS: tuple[Window, ...] = get_args(Window)


def objective(node: Node, scope: Scope, names: set[str]) -> Objective:
    """One entry of `steadyState`. `names` are those taken so far; its own is added."""

    def unique(at: Node) -> str:
        name = text(at)
        if name in names:
            raise Wrong.at(at.mark, f"two objectives are called {shown(at)}", "give each its own name")
        names.add(name)
        return name

    with Fields(node, "an objective") as fields:
        name = fields.required("name", unique)
        probe = fields.required("probe", lambda at: plugin_use(at, "probe", scope))
        measures = measures_of(fields.node.get("probe"), scope)
        limit = fields.required("target", lambda at: threshold(at, measures))
        window = fields.optional("window", lambda at: _window(at, scope), _RUN)
        min_samples = fields.optional("minSamples", _at_least_one, 1)
        confidence = fields.optional("confidence", _confidence, 0.95)
    return Objective(
        name=name, probe=probe, threshold=limit, window=window, min_samples=min_samples, confidence=confidence
    )


def measures_of(probe: Node | None, scope: Scope) -> Measures | None:
    """What a probe as written measures; None where that cannot be told."""
    of = type_in(probe, "probe", scope)
    return of.measures if of is not None else None


def threshold(node: Node, measures: Measures | None) -> Threshold:
    """`">= 99%"`, `< 800ms`, `<= 3`: operator and value. Raises Wrong, also for one that can never, or only, be met."""
    written = text(node)
    parts = re.fullmatch(r"(>=|<=|>|<)\s*(.+)", written, re.DOTALL)
    if parts is None:
        unit = UNIT_OF_MEASURE[measures] if measures else units.SHARE
        example = f'">= {unit.example}"'
        raise Wrong.at(node.mark, f"{shown(node)} is not a target", f"write >=, >, <= or < and {unit.words}: {example}")
    sign, amount = parts[1], parts[2]
    operator: Operator = ">=" if sign == ">=" else "<=" if sign == "<=" else ">" if sign == ">" else "<"
    if measures is None:
        return Threshold(operator, 0.0, written)
    value = quantity(UNIT_OF_MEASURE[measures], ScalarNode(node.mark, amount, plain=True))
    _can_go_either_way(node, operator, value, measures)
    return Threshold(operator, value, " ".join(written.split()))


def _can_go_either_way(node: Node, operator: Operator, value: float, measures: Measures) -> None:
    """A check that cannot fail, or cannot succeed, is not a check."""
    lowest = 0.0 if measures in ("share", "milliseconds") else None
    highest = 1.0 if measures == "share" else None
    always = (operator == ">=" and value == lowest) or (operator == "<=" and value == highest)
    never = (operator == "<" and value == lowest) or (operator == ">" and value == highest)
    if always or never:
        raise Wrong.at(node.mark, f"the target {shown(node)} is {'always' if always else 'never'} met")


def _window(node: Node, scope: Scope) -> Window:
    window: Window = one_of(*_WINDOWS)(node)
    if window != "run" and not scope.faults:
        raise Wrong.at(node.mark, f'the window "{window}" never opens: the method holds no fault', "allowed: run")
    return window


def _at_least_one(node: Node) -> int:
    number = whole_number(node)
    if number < 1:
        raise Wrong.at(node.mark, f"{shown(node)} is below 1: an objective without samples cannot be judged")
    return number


def _confidence(node: Node) -> float:
    share = quantity(units.SHARE, node)
    if not 0.5 <= share < 1:
        raise Wrong.at(node.mark, f"{shown(node)} is not allowed: a confidence is at least 50% and below 100%")
    return share
