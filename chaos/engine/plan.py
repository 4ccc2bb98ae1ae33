"""Experiment and environment to Plan: resolves the targets and changes nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from msgspec import structs

from chaos.engine.toolbox import Plugins
from chaos.model.capabilities import CanRefuse
from chaos.model.environment import CanNote, Environment, HasParts, part_of, parts_of, settles_within_seconds
from chaos.model.errors import Refused
from chaos.model.experiment import Experiment, FaultStep, ParallelStep, Selector, SequenceStep, Step, WaitStep
from chaos.model.fault import nests, stacks
from chaos.model.plan import (
    Plan,
    PlannedFault,
    PlannedParallel,
    PlannedSequence,
    PlannedStep,
    PlannedWait,
    PlannedWaitUntil,
    inner_planned,
    planned_faults,
)
from chaos.model.reserve import CanCallUp
from chaos.model.system import Inventory, Target, labels_of


def make_plan(experiment: Experiment, environment: Environment, plugins: Plugins, seed: int) -> Plan:
    """Resolve every selector with the seed and say what will happen.

    The same experiment, inventory and seed give the same plan. Raises Refused when a selector
    matches nothing, when the environment cannot do what a fault needs, or when a limit is exceeded.
    """
    names = [part.ref.name for part in parts_of(environment)] if isinstance(environment, HasParts) else [""]
    inventories = {name: part_of(environment, name).inventory() for name in names}
    planner = _Planner(experiment, environment, plugins, seed, inventories)
    steps, method_seconds = planner.sequence(experiment.method, 0.0)
    _refuse_what_cannot_stack(steps, plugins)
    seconds = _seconds_around_method(experiment) + method_seconds
    limit = experiment.limits.max_duration_seconds
    if seconds > limit:
        raise Refused(
            f"the run would take about {seconds:.0f} s, limits.maxDuration allows {limit:.0f} s",
            "shorten the method or raise the limit",
        )
    return Plan(
        experiment=experiment,
        environment=environment.ref,
        seed=seed,
        steps=steps,
        seconds=seconds,
        notes=(*_holder_notes(steps), *_limits(steps, environment, plugins)),
    )


def choose(candidates: Sequence[Target], selector: Selector, seed: str) -> tuple[Target, ...]:
    """The chosen of those that match, sorted by name: the amount of all, or of each value of the label `each`.

    Raises Refused when fewer match than are asked for, and when none of them has such a label.
    """
    if not selector.each:
        chosen = _drawn(candidates, selector, random.Random(seed))
    else:
        groups = _grouped(candidates, selector.each)
        chosen = [
            target for value in groups for target in _drawn(groups[value], selector, random.Random(f"{seed}/{value}"))
        ]
    return tuple(sorted(chosen, key=lambda target: target.name))


def _drawn(candidates: Sequence[Target], selector: Selector, draw: random.Random) -> list[Target]:
    """A share is rounded up, so it is never nobody. What belongs together counts once."""
    together, amount = selector.together, selector.amount
    parts = list(_grouped(candidates, together).values()) if together else [[each] for each in candidates]
    if amount.kind == "all":
        return list(candidates)
    wanted = {"one": 1, "count": amount.count, "share": math.ceil(amount.share * len(parts) - 1e-9)}[amount.kind]
    if wanted > len(parts):
        raise Refused(
            f"{wanted} targets are asked for and only {len(parts)} match", "lower the amount or widen the selector"
        )
    return [target for part in draw.sample(parts, wanted) for target in part]


def _grouped(candidates: Sequence[Target], label: str) -> dict[str, list[Target]]:
    """By their value of a label, sorted; those without it are a group of their own, unless those are all."""
    groups: dict[str, list[Target]] = {}
    for each in candidates:
        groups.setdefault(labels_of(each).get(label, ""), []).append(each)
    if set(groups) == {""} and not any(label in labels_of(each) for each in candidates):
        there = sorted({name for each in candidates for name in labels_of(each)})
        raise Refused(f"none of those that match has a label {label!r}", f"they have {', '.join(there)}")
    return {value: groups[value] for value in sorted(groups)}


def matching(selector: Selector, inventory: Inventory, environment: str = "") -> tuple[Target, ...]:
    """All targets of the selector's kind whose labels match, sorted by name.

    Those of a part bear its name as their label `environment`; elsewhere that is a label like any other.
    """

    def fits(target: Target) -> bool:
        labels = {**labels_of(target), **({"environment": environment} if environment else {})}
        return all(labels.get(key) in values for key, values in selector.labels.items())

    return tuple(sorted(filter(fits, inventory.of_kind(selector.kind)), key=lambda target: target.name))


@dataclass
class _Planner:
    experiment: Experiment
    environment: Environment
    plugins: Plugins
    seed: int
    inventories: dict[str, Inventory]
    clock_known: bool = field(default=True)

    def sequence(self, steps: Sequence[Step], starts_at: float) -> tuple[tuple[PlannedStep, ...], float]:
        planned: list[PlannedStep] = []
        at = starts_at
        for step in (each for written in steps for each in _one_by_one(written, self.seed)):
            item, seconds = self._step(step, at)
            planned.append(item)
            at += seconds
        return tuple(planned), at - starts_at

    def _step(self, step: Step, at: float) -> tuple[PlannedStep, float]:
        if isinstance(step, FaultStep):
            fault = self._fault(step, at)
            return fault, fault.duration_seconds
        if isinstance(step, ParallelStep):
            pairs = [self._step(inner, at) for inner in step.steps]
            together = PlannedParallel(name=step.name, steps=tuple(item for item, _ in pairs))
            return together, max((seconds for _, seconds in pairs), default=0.0)
        if isinstance(step, SequenceStep):
            inside, seconds = self.sequence(step.steps, at)
            return PlannedSequence(name=step.name, steps=inside), seconds
        if isinstance(step, WaitStep):
            return PlannedWait(name=step.name, seconds=step.seconds), step.seconds
        self.clock_known = False  # nobody knows when a wait-until ends
        return (
            PlannedWaitUntil(
                name=step.name, probe=step.probe, threshold=step.threshold, timeout_seconds=step.timeout_seconds
            ),
            step.timeout_seconds,
        )

    def _fault(self, step: FaultStep, at: float) -> PlannedFault:
        fault = self.plugins.build_fault(step.fault)
        name, candidates = self._place(step)
        environment = part_of(self.environment, name)
        if not isinstance(environment, fault.needs):
            raise Refused(
                f"step {step.name!r}: environment {environment.ref.name!r} cannot do what fault "
                f"{step.fault.kind!r} needs ({fault.needs.__name__})",
                "choose another fault or another environment; `chaos catalog faults` lists what each needs",
            )
        population = self.inventories[name].of_kind(step.selector.kind)
        targets = self._targets(step, candidates, population)
        self._ask_whether_possible(step, environment, fault.needs, targets)
        starts_at = at if self.clock_known else None
        meanwhile, seconds = self.sequence(step.meanwhile, at)
        return PlannedFault(
            name=step.name,
            fault=step.fault,
            target_kind=step.selector.kind,
            targets=tuple(target.name for target in targets),
            candidates=len(candidates),
            population=len(population),
            duration_seconds=seconds if step.meanwhile else step.duration_seconds,
            holder=environment.lease_holder(fault.needs),
            starts_at_seconds=starts_at,
            environment=name,
            meanwhile=meanwhile,
            slack_seconds=self._slack_seconds(environment, meanwhile),
        )

    def _slack_seconds(self, environment: Environment, meanwhile: tuple[PlannedStep, ...]) -> float:
        """For being seen itself before they begin, and for each fault in them to be seen, and to be seen gone."""
        if not meanwhile:
            return 0.0
        inside = (part_of(self.environment, fault.environment) for fault in planned_faults(meanwhile))
        return settles_within_seconds(environment) + sum(2 * settles_within_seconds(part) for part in inside)

    def _place(self, step: FaultStep) -> tuple[str, tuple[Target, ...]]:
        """The name of the part that a step's targets are in, empty where there are no parts, and what matches there."""
        found = {name: self._matching(step, name) for name in self.inventories}
        places = [name for name, targets in found.items() if targets] or list(found)[:1]
        if len(places) > 1:
            raise Refused(
                f"step {step.name!r}: what it selects is there in {' and in '.join(places)}",
                f"say which is meant: add `environment: {places[0]}` to the labels of its target",
            )
        return places[0], found[places[0]]

    def _matching(self, step: FaultStep, name: str) -> tuple[Target, ...]:
        """An instance that rests in reserve is hit by who asks for the reserve: nothing runs there that could break."""
        found = matching(step.selector, self.inventories[name], name)
        place = part_of(self.environment, name)
        if step.selector.kind != "instance" or "reserve" in step.selector.labels or not isinstance(place, CanCallUp):
            return found
        return tuple(each for each in found if place.duty(each.name) != "rests")

    def _ask_whether_possible(
        self, step: FaultStep, environment: Environment, capability: type, targets: tuple[Target, ...]
    ) -> None:
        if not isinstance(environment, CanRefuse):
            return
        for target in targets:
            why = environment.refusal(capability, target.name)
            if why:
                hint = "choose another fault or other targets; docs/explanation/faults.md says what each fault needs"
                raise Refused(f"step {step.name!r}: {step.fault.kind} of {target.name} is not possible: {why}", hint)

    def _targets(
        self, step: FaultStep, candidates: tuple[Target, ...], population: Sequence[Target]
    ) -> tuple[Target, ...]:
        selector = step.selector
        described = ", ".join(f"{key}={'|'.join(values)}" for key, values in sorted(selector.labels.items()))
        if not candidates:
            raise Refused(
                f"step {step.name!r}: no {selector.kind} matches {described} (of {len(population)} that exist)",
                "`chaos plan` shows what a selector matches; " + _existing(population),
            )
        try:
            targets = choose(candidates, selector, f"{self.seed}/{step.name}")
        except Refused as error:
            raise Refused(f"step {step.name!r}: {error.message}", error.hint) from error
        share = len(targets) / len(population)
        limit = self.experiment.limits.max_targets_share
        if share > limit + 1e-9:
            raise Refused(
                f"step {step.name!r} would hit {len(targets)} of {len(population)} {selector.kind}s ({share:.0%}), "
                f"limits.maxTargets allows {limit:.0%}",
                "lower the amount or raise the limit",
            )
        return targets


def _refuse_what_cannot_stack(steps: Sequence[PlannedStep], plugins: Plugins) -> None:
    """Branches of one parallel group are under way at the same time, and a fault and what is done meanwhile."""
    for one, other, nested in _overlapping(steps):
        both = sorted(set(one.targets) & set(other.targets)) if one.environment == other.environment else []
        bears = nests if nested else stacks
        if both and one.fault.kind == other.fault.kind and not bears(plugins.build_fault(one.fault)):
            raise Refused(
                f"steps {one.name!r} and {other.name!r} would hit {both[0]} with {one.fault.kind} at the same "
                "time, and one target bears only one of that kind",
                "put them one after the other, or choose other targets for one of them",
            )


def _overlapping(steps: Sequence[PlannedStep]) -> Iterator[tuple[PlannedFault, PlannedFault, bool]]:
    """Pairs of faults that may be in effect together; and whether the second lies within the first."""
    for step in steps:
        inside = inner_planned(step)
        if isinstance(step, PlannedFault):
            yield from ((step, other, True) for other in planned_faults(inside))
        elif isinstance(step, PlannedParallel):
            for branch, beside in combinations([planned_faults((each,)) for each in inside], 2):
                yield from ((one, other, False) for one, other in product(branch, beside))
        yield from _overlapping(inside)


def _one_by_one(step: Step, seed: int) -> Sequence[Step]:
    """A repeated fault as so many faults, which draw their targets by their own names, and the pauses between them."""
    if not isinstance(step, FaultStep) or step.times == 1:
        return (step,)
    draw = random.Random(f"{seed}/{step.name}/pauses")
    row: list[Step] = []
    for number in range(1, step.times + 1):
        if row and step.pause_seconds[1] > 0:
            seconds = round(draw.uniform(*step.pause_seconds), 3)
            row.append(WaitStep(name=f"before {step.name} ({number})", seconds=seconds))
        row.append(structs.replace(step, name=f"{step.name} ({number})", times=1))
    return row


def _existing(population: Sequence[Target]) -> str:
    if not population:
        return "the environment lists none at all: is the system up?"
    names = [target.name for target in population]
    return "there are " + ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")


def _seconds_around_method(experiment: Experiment) -> float:
    load = experiment.load
    around_load = load.warm_up_seconds + load.baseline_seconds + load.drain_seconds if load else 0.0
    return around_load + experiment.recovery_seconds


def _holder_notes(steps: tuple[PlannedStep, ...]) -> list[str]:
    """Who ends each fault if everything else is dead: said once per kind of fault."""
    holders = {step.fault.kind: step.holder.name for step in planned_faults(steps)}
    return [
        f"if all else dies, {kind} is ended by the {name} when its lease runs out" for kind, name in holders.items()
    ]


def _limits(steps: tuple[PlannedStep, ...], environment: Environment, plugins: Plugins) -> list[str]:
    """What the environment cannot do as one might expect, each with the faults it is true of."""
    kinds: dict[str, dict[str, None]] = {}
    for step in planned_faults(steps):
        part = part_of(environment, step.environment)
        said = part.note(plugins.build_fault(step.fault).needs) if isinstance(part, CanNote) else ""
        if said:
            kinds.setdefault(said, {})[step.fault.kind] = None
    return [f"{', '.join(names)}: {said}" for said, names in kinds.items()]
