"""The method: faults with their targets, parallel groups, waits."""

from __future__ import annotations

import re
from functools import partial
from typing import get_args

from chaos.model.experiment import (
    Amount,
    FaultStep,
    ParallelStep,
    Selector,
    SequenceStep,
    Step,
    WaitStep,
    WaitUntilStep,
)
from chaos.model.system import Instance, Link, Region, TargetKind, Workload, labels_of
from chaos.model.system import Node as Machine
from chaos.spec import suggest, units
from chaos.spec.document import MappingNode, Node, SequenceNode, shown
from chaos.spec.fields import Fields, sequence
from chaos.spec.objectives import measures_of, threshold
from chaos.spec.plugins import Scope, plugin_use, type_in
from chaos.spec.problems import Wrong
from chaos.spec.values import positive, quantity, text, whole_number

_KINDS: tuple[TargetKind, ...] = get_args(TargetKind)
MOST_REPEATS = 1000
STEPS_INSIDE = ("parallel", "sequence", "meanwhile")
"""Keys of a step under which other steps stand."""

_STEP_KEYS = ("fault", "wait", "waitUntil", "parallel", "sequence")

_ANY_LINK = Link(name="", source="", source_region="", destination="", destination_region="", destination_instance="")
BUILT_IN_LABELS: dict[TargetKind, tuple[str, ...]] = {
    "instance": tuple(labels_of(Instance(name="", service="", region=""))),
    "link": tuple(labels_of(_ANY_LINK)),
    "region": tuple(labels_of(Region(name=""))),
    "workload": tuple(labels_of(Workload(name="", service=""))),
    "node": tuple(labels_of(Machine(name="", region=""))),
}


class Method:
    """Reads the steps of one method; step names are unique in it, inside parallel groups too."""

    def __init__(self, node: Node | None, scope: Scope) -> None:
        self._scope = scope
        self._given: set[str] = set()
        self._taken = set(_names_in(node)) if node is not None else set()

    def steps(self, node: Node) -> tuple[Step, ...]:
        return sequence(node, "steps", self._step)

    def _step(self, node: Node) -> Step:
        if not isinstance(node, MappingNode):
            raise Wrong.at(node.mark, f"a step must be a mapping, this is {shown(node)}", "e.g. - wait: 3s")
        names = [name.text for name, _ in node.entries]
        kinds = [name for name in names if name in _STEP_KEYS] or _misspelt(names)
        if len(kinds) != 1:
            found = " and ".join(kinds) if kinds else f"only {', '.join(names) or 'nothing'}"
            raise Wrong.at(
                node.mark, f"a step has one of {', '.join(_STEP_KEYS[:-1])} and {_STEP_KEYS[-1]}; this has {found}"
            )
        read = {
            "fault": self._fault,
            "wait": self._wait,
            "waitUntil": self._wait_until,
            "parallel": self._parallel,
            "sequence": self._sequence,
        }
        return read[kinds[0]](node)

    def _fault(self, node: Node) -> Step:
        with Fields(node, "a fault step") as fields:
            fault = fields.required("fault", lambda at: plugin_use(at, "fault", self._scope))
            selector = fields.required("target", partial(self._selector, fault=fields.node.get("fault")))
            meanwhile = fields.optional("meanwhile", self._meanwhile, ())
            duration = self._duration(fields)
            times = fields.optional("repeat", _times, 1)
            pause = fields.optional("pause", _pause, (0.0, 0.0))
            name = fields.optional("name", self._name, "")
            if meanwhile and times not in (1, None):
                fields.wrong("a step that is repeated has a duration, and no steps meanwhile", at="repeat")
            if pause != (0.0, 0.0) and times == 1:
                fields.wrong("a pause is what lies between repeats, and there are none", "e.g. repeat: 10", at="pause")
        return FaultStep(
            name=name or self._default_name(f"{fault.kind} {_in_words(selector)}"),
            fault=fault,
            selector=selector,
            duration_seconds=duration,
            times=times,
            pause_seconds=pause,
            meanwhile=meanwhile,
        )

    def _duration(self, fields: Fields) -> float:
        """How long the fault is held; what is done meanwhile takes as long as it takes."""
        if fields.node.get("meanwhile") is None:
            return fields.required("duration", positive(units.SECONDS))
        if fields.optional("duration", positive(units.SECONDS), None) is not None:
            fields.wrong("a fault has a duration, or steps meanwhile", "leave one of the two out", at="duration")
        return 0.0

    def _meanwhile(self, node: Node) -> tuple[Step, ...]:
        steps = self.steps(node)
        if not steps:
            raise Wrong.at(node.mark, "what is done meanwhile needs at least one step", "e.g. - wait: 3s")
        return steps

    def _parallel(self, node: Node) -> Step:
        with Fields(node, "a parallel step") as fields:
            steps = fields.required("parallel", self.steps)
            name = fields.optional("name", self._name, "")
            if any(isinstance(step, FaultStep) and step.times > 1 for step in steps or ()):
                fields.wrong("a step that is repeated cannot stand in a parallel group", at="parallel")
            if steps == ():
                fields.wrong("a parallel group needs at least one step", at="parallel")
        return ParallelStep(name=name or self._default_name(f"{len(steps)} steps at once"), steps=steps)

    def _sequence(self, node: Node) -> Step:
        with Fields(node, "a sequence step") as fields:
            steps = fields.required("sequence", self.steps)
            name = fields.optional("name", self._name, "")
            if steps == ():
                fields.wrong("a sequence needs at least one step", at="sequence")
        return SequenceStep(name=name or self._default_name(f"{len(steps)} steps in a row"), steps=steps)

    def _wait(self, node: Node) -> Step:
        with Fields(node, "a wait step") as fields:
            seconds = fields.required("wait", positive(units.SECONDS))
            name = fields.optional("name", self._name, "")
        return WaitStep(name=name or self._default_name(f"wait {units.SECONDS.write(seconds)}"), seconds=seconds)

    def _wait_until(self, node: Node) -> Step:
        with Fields(node, "a waitUntil step") as fields:
            condition = fields.required("waitUntil", self._condition)
            name = fields.optional("name", self._name, "")
        name = name or self._default_name(f"wait until {condition.probe.kind} {condition.threshold.text}")
        return WaitUntilStep(
            name=name,
            probe=condition.probe,
            threshold=condition.threshold,
            timeout_seconds=condition.timeout_seconds,
        )

    def _condition(self, node: Node) -> WaitUntilStep:
        with Fields(node, "waitUntil") as fields:
            probe = fields.required("probe", lambda at: plugin_use(at, "probe", self._scope))
            measures = measures_of(fields.node.get("probe"), self._scope)
            limit = fields.required("target", lambda at: threshold(at, measures))
            timeout = fields.optional("timeout", positive(units.SECONDS), 30.0)
        return WaitUntilStep(name="", probe=probe, threshold=limit, timeout_seconds=timeout)

    def _selector(self, node: Node, fault: Node | None) -> Selector:
        with Fields(node, "a target") as fields:
            kinds = [kind for kind in _KINDS if fields.node.get(kind) is not None]
            if len(kinds) > 1:
                fields.wrong(f"a target is of one kind, this has {' and '.join(kinds)}")
            elif not kinds:
                near = any(suggest.closest(name.text, _KINDS) for name, _ in fields.node.entries)
                if not near:  # a slip in the word is reported as an unknown key, with this as what was meant
                    sentence = "a target needs instance, link or region (or workload, node)"
                    fields.wrong(sentence, "e.g. {instance: {service: edge}}")
            labels = {kind: fields.optional(kind, partial(_labels, kind=kind), {}) for kind in _KINDS}
            amount = fields.optional("amount", _amount, Amount("one"))
            each = fields.optional("each", text, "")
            together = fields.optional("together", text, "")
            if len(kinds) == 1:
                self._check_kind(fields, kinds[0], fault)
                for key, label in (("each", each), ("together", together)):
                    if label:
                        _check_label(fields, label, kinds[0], at=key)
        return Selector(kind=kinds[0], labels=labels[kinds[0]], amount=amount, each=each, together=together)

    def _check_kind(self, fields: Fields, kind: TargetKind, fault: Node | None) -> None:
        of = type_in(fault, "fault", self._scope)
        if of is not None and of.target_kind != kind:
            breaks, labels = _article(of.target_kind), ", ".join(BUILT_IN_LABELS[of.target_kind])
            fields.wrong(
                f"the fault breaks {breaks}, the target is {_article(kind)}", f"labels of {breaks}: {labels}", kind
            )

    def _name(self, node: Node) -> str:
        name = text(node)
        if name in self._given:
            raise Wrong.at(node.mark, f"two steps are called {shown(node)}", "give each its own name")
        self._given.add(name)
        return name

    def _default_name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted} ({number})"
        self._taken.add(name)
        return name


def _times(node: Node) -> int:
    times = whole_number(node)
    if not 1 <= times <= MOST_REPEATS:
        raise Wrong.at(node.mark, f"{shown(node)} is not from 1 to {MOST_REPEATS}")
    return times


def _pause(node: Node) -> tuple[float, float]:
    """One duration, or the shortest and the longest."""
    if not isinstance(node, SequenceNode):
        seconds = quantity(units.SECONDS, node)
        return seconds, seconds
    found = sequence(node, "durations", partial(quantity, units.SECONDS))
    if len(found) != 2 or found[0] > found[1]:
        raise Wrong.at(node.mark, "a pause is one duration, or the shortest and the longest", "e.g. [200ms, 2s]")
    return found[0], found[1]


def _labels(node: Node, kind: TargetKind) -> dict[str, tuple[str, ...]]:
    built_in = BUILT_IN_LABELS[kind]
    with Fields(node, f"{_article(kind)} selector") as fields:
        if not fields.node.entries:
            fields.wrong(
                f"an empty selector would mean every {kind}", f"labels of {_article(kind)}: {', '.join(built_in)}"
            )
        labels = {name.text: fields.required(name.text, _label_values) for name, _ in fields.node.entries}
        for label in labels:
            _check_label(fields, label, kind, at=label)
    return labels


def _check_label(fields: Fields, label: str, kind: TargetKind, at: str) -> None:
    """A system may have labels of its own, but what is another kind's, or nearly one of this kind's, is a slip."""
    built_in = BUILT_IN_LABELS[kind]
    foreign = label not in built_in and any(label in others for others in BUILT_IN_LABELS.values())
    if foreign or (label not in built_in and suggest.closest(label, built_in)):
        fields.wrong(f'{_article(kind)} has no label "{label}"', suggest.hint(label, built_in, "built-in"), at=at)


def _label_values(node: Node) -> tuple[str, ...]:
    if not isinstance(node, SequenceNode):
        return (text(node),)
    values = sequence(node, "values", text)
    if not values:
        raise Wrong.at(node.mark, "an empty list of values matches nothing")
    return values


def _amount(node: Node) -> Amount:
    word = text(node)
    if word in ("one", "all"):
        return Amount("one") if word == "one" else Amount("all")
    if re.fullmatch(r"[1-9]\d{0,8}", word):
        return Amount("count", count=int(word))
    if word.endswith("%"):
        share = quantity(units.SHARE, node)
        if share > 0:
            return Amount("share", share=share)
    raise Wrong.at(node.mark, f"{shown(node)} is not an amount", "allowed: one, all, a number such as 3, or 50%")


def _names_in(node: Node) -> list[str]:
    """All names that steps were given, so that no default takes one of them."""
    if isinstance(node, SequenceNode):
        return [name for item in node.items for name in _names_in(item)]
    if not isinstance(node, MappingNode):
        return []
    own = node.get("name")
    inner = [node.get(key) for key in STEPS_INSIDE]
    return [getattr(own, "text", "").strip()] + [name for each in inner if each is not None for name in _names_in(each)]


def _misspelt(names: list[str]) -> list[str]:
    """What the step most likely is: read as that, the misspelt key and all else that is wrong are told at once."""
    near = (suggest.closest(name, _STEP_KEYS) for name in names)
    return [key for key in near if key is not None][:1]


def _in_words(selector: Selector) -> str:
    amount = selector.amount
    plural = "" if amount.kind == "one" or (amount.kind == "count" and amount.count == 1) else "s"
    of = " of the" if amount.kind == "share" else ""
    labels = ", ".join(f"{key}={'|'.join(values)}" for key, values in selector.labels.items())
    each = f" of each {selector.each}" if selector.each else ""
    together = f", all of one {selector.together} together" if selector.together else ""
    return f"{amount}{of} {selector.kind}{plural} with {labels}{each}{together}"


def _article(kind: TargetKind) -> str:
    return f"an {kind}" if kind == "instance" else f"a {kind}"
