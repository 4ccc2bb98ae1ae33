"""The `load` of an experiment: who uses the system while it is observed, and how many."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from chaos.model.experiment import Load, Stretch
from chaos.spec import units
from chaos.spec.document import MappingNode, Node, shown
from chaos.spec.fields import Decode, Fields, sequence, single
from chaos.spec.problems import Wrong
from chaos.spec.values import positive, quantity, struct_values, text, whole_number

MAX_WORKERS = 64
"""More than any machine has use for; a slip of the keyboard must not start a thousand processes."""

_KINDS = ("hold", "step", "ramp")


def load(node: Node, folder: Path) -> Load:
    """The load as written. Paths are relative to `folder`. Raises Wrong."""
    above_zero = positive(units.NUMBER)
    closed = isinstance(node, MappingNode) and node.get("users") is not None
    with Fields(node, "load") as fields:
        values = struct_values(
            fields,
            Load,
            {
                "locustfile": lambda at: _path_or_name(at, folder, (".py",)),
                "mix": lambda at: _path_or_name(at, folder, (".yaml", ".yml")),
                "arrivals_per_second": positive(units.PER_SECOND),
                "users": _at_least_one,
                "shape": lambda at: sequence(at, "parts of the shape", lambda part: _part(part, closed)),
                "workers": _workers,
                "time_scale": above_zero,
                "max_lag_ms": positive(units.MILLISECONDS),
            },
        )
        if "arrivals_per_second" in values and "users" in values:
            fields.wrong("load has both arrivals and users", "arrivals: 8/s (open) or users: 20 (closed)", at="users")
        elif "arrivals_per_second" not in values and "users" not in values:
            fields.wrong("load needs arrivals or users", "arrivals: 8/s (open) or users: 20 (closed)")
    start = float(values["users"] if closed else values["arrivals_per_second"])
    return Load(**{**values, "shape": _stretches(start, values.get("shape") or ())})


class _Part(NamedTuple):
    """As written: a hold has no level, a step takes no time."""

    seconds: float
    to: float | None


def _part(node: Node, closed: bool) -> _Part:
    """`{hold: 20s}`, `{step: 5/s}` or `{ramp: {to: 20/s, over: 10s}}`; with `users`, levels are whole numbers."""
    kind, value, at = single(node, "part of the shape (hold, step or ramp)")
    level: Decode[float] = _at_least_one if closed else partial(quantity, units.PER_SECOND)
    lasting = positive(units.SECONDS)
    if kind not in _KINDS:
        raise Wrong.at(at.mark, f"a shape has no part {shown(at)}", f"allowed: {', '.join(_KINDS)}")
    if value is None:
        raise Wrong.at(at.mark, f"{kind} says neither how long nor how much", _example(kind, closed))
    if kind == "hold":
        return _Part(lasting(value), None)
    if kind == "step":
        return _Part(0.0, level(value))
    with Fields(value, "a ramp") as fields:
        to = fields.required("to", level)
        over = fields.required("over", lasting)
    return _Part(over, to)


def _example(kind: str, closed: bool) -> str:
    level = "30" if closed else "20/s"
    return {"hold": "hold: 20s", "step": f"step: {level}", "ramp": f"ramp: {{to: {level}, over: 10s}}"}[kind]


def _stretches(start: float, parts: tuple[_Part, ...]) -> tuple[Stretch, ...]:
    """Parts with the level at which each begins. A step is the begin of what follows it."""
    stretches: list[Stretch] = []
    level = start
    for seconds, to in parts:
        begin, level = level, level if to is None else to
        if seconds > 0:
            stretches.append(Stretch(seconds=seconds, begin=begin, end=level))
    if parts and (not stretches or stretches[-1].end != level):
        stretches.append(Stretch(seconds=0.0, begin=level, end=level))
    return tuple(stretches)


def _at_least_one(node: Node) -> int:
    users = whole_number(node)
    if users < 1:
        raise Wrong.at(node.mark, f"{shown(node)} is below 1")
    return users


def _workers(node: Node) -> int:
    workers = _at_least_one(node)
    if workers > MAX_WORKERS:
        raise Wrong.at(node.mark, f"{workers} workers are more than the {MAX_WORKERS} that are allowed")
    return workers


def _path_or_name(node: Node, folder: Path, endings: tuple[str, ...]) -> str:
    """A bundled one's name, or the path of a file, relative to the experiment's own."""
    name = text(node)
    if not name.endswith(endings) and "/" not in name:
        return name
    path = (folder / Path(name).expanduser()).absolute()
    if not path.is_file():
        raise Wrong.at(node.mark, f"there is no file {path}", "a path is relative to the experiment's file")
    return str(path)
