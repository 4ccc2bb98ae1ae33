"""The monkey: kills one random instance of each group that has opted in, within hours and caps, or says why not.

It never acts by itself: what it decides becomes an ordinary experiment, and the engine does the rest.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import msgspec

from chaos.catalog import Catalog
from chaos.journal.read import stream
from chaos.journal.runs import all_runs, with_open_injections
from chaos.model.environment import Environment, EnvironmentRef
from chaos.model.errors import BadInput, Refused
from chaos.model.events import Injecting, RunStarted
from chaos.model.experiment import Experiment, PluginUse
from chaos.model.guardrail import Situation, Stop
from chaos.model.monkey import Monkey
from chaos.model.system import Instance, labels_of
from chaos.spec import read_experiment
from chaos.spec.units import SECONDS

NAME = "monkey"
DAY_SECONDS = 86_400.0

Group = tuple[str, ...]


@dataclass(frozen=True)
class Kill:
    """A victim that all gates let pass."""

    group: Group
    victim: Instance

    def experiment(self, monkey: Monkey) -> Experiment:
        """The ordinary experiment that kills it and looks whether its group is whole again."""
        text = _EXPERIMENT.format(
            group=" ".join(self.group),
            tag=json.dumps(_tag(self.group)),
            victim=json.dumps(self.victim.name),
            service=json.dumps(self.victim.service),
            region=json.dumps(self.victim.region),
            hold=SECONDS.write(monkey.hold_seconds),
        )
        return read_experiment(text, NAME, Catalog())


@dataclass(frozen=True)
class Decided:
    """What one round comes to: whom to kill, and for everything else a sentence why not."""

    kills: tuple[Kill, ...]
    reasons: tuple[str, ...]


def decide(ref: EnvironmentRef, environment: Environment, seed: int, now: float) -> Decided:
    """One round. Changes nothing. The gates are asked in order, and what cannot be told counts as no.

    Raises BadInput when the environment's file has no section for the monkey.
    """
    monkey = monkey_of(ref)
    try:
        _for_all(monkey, environment, now)
        instances = environment.inventory().instances
        killed = _history(ref, now)
    except (Refused, BadInput) as error:
        return Decided((), (error.message,))
    groups: dict[Group, list[Instance]] = {}
    for instance in instances:
        groups.setdefault(tuple(labels_of(instance)[label] for label in monkey.group), []).append(instance)
    willing = {group: members for group, members in sorted(groups.items()) if any(_opted(monkey, members))}
    if not willing:
        labels = ", ".join(f"{key}: {value}" for key, value in monkey.opt_in.items())
        return Decided((), (f"no instance has opted in by the labels {labels}",))
    kills, reasons = [], []
    for group, members in willing.items():
        reason = _reason(monkey, members, killed.get(_tag(group), ()), now)
        if reason:
            reasons.append(f"{' '.join(group)}: {reason}")
        else:
            draw = random.Random(f"{seed} {_tag(group)}")
            kills.append(Kill(group, draw.choice(sorted(_opted(monkey, members), key=lambda each: each.name))))
    return Decided(tuple(kills), tuple(reasons))


def monkey_of(ref: EnvironmentRef) -> Monkey:
    """The section of the environment's file. Raises BadInput when there is none."""
    section = ref.settings.get("monkey")
    if section is None:
        raise BadInput(
            f"environment {ref.name} has no section `monkey`, so nothing has opted in",
            "docs/how-to/monkey.md shows one",
        )
    return msgspec.convert(section, Monkey)


def _for_all(monkey: Monkey, environment: Environment, now: float) -> None:
    """The gates that are the same for every group. Raises Refused."""
    arming = environment.arming()
    if not arming.armed:
        raise Refused(f"the environment is not armed: {arming.reason}")
    hours = Catalog().build_guardrail(PluginUse(kind="hours", parameters=monkey.hours))
    # The guardrail looks at nothing else of a situation while a run is on.
    answer = hours.check(cast(Situation, SimpleNamespace(phase="during", now=now)))
    if isinstance(answer, Stop):
        raise Refused(answer.reason)
    left = with_open_injections()
    if left:
        raise Refused(f"run {left[0][0].run} is still under way, or has left something broken")


def _opted(monkey: Monkey, members: Iterable[Instance]) -> list[Instance]:
    wanted = monkey.opt_in.items()
    return [each for each in members if all(each.labels.get(key) == value for key, value in wanted)]


def _reason(monkey: Monkey, members: Sequence[Instance], killed: Sequence[float], now: float) -> str:
    """Why nothing of this group is killed now; empty when nothing speaks against it."""
    down = next((each.name for each in members if each.identity is None), None)
    if down is not None:
        return f"{down} is down already"
    if 1 / len(members) > monkey.max_group_share:
        share = f"{1 / len(members):.0%} of the group"
        return f"one of {len(members)} would be {share}, allowed are {monkey.max_group_share:.0%}"
    if len(killed) >= monkey.max_per_day:
        return f"{len(killed)} killed in the last 24 hours, allowed are {monkey.max_per_day}"
    since = now - max(killed, default=float("-inf"))
    if since < monkey.min_time_between_seconds:
        allowed = SECONDS.write(monkey.min_time_between_seconds)
        return f"the last kill was {since:.0f} s ago, allowed is one in {allowed}"
    return ""


def _history(ref: EnvironmentRef, now: float) -> dict[str, list[float]]:
    """When the monkey has begun to kill in this environment during the last day, by group, from the journals alone.

    Raises BadInput for a journal that cannot be read: what cannot be counted is no reason to go on.
    """
    found: dict[str, list[float]] = {}
    for directory in all_runs():
        if not directory.run.endswith(f"-{NAME}"):
            continue
        tag = ""
        for event in stream(directory.journal):
            if isinstance(event, RunStarted):
                mine = NAME in event.plan.experiment.tags and event.plan.environment.name == ref.name
                tag = event.plan.experiment.tags[-1] if mine and event.at > now - DAY_SECONDS else ""
            elif isinstance(event, Injecting) and tag:
                found.setdefault(tag, []).append(event.at)
            if not tag:
                break
    return found


def _tag(group: Group) -> str:
    return "group " + "/".join(group)


_EXPERIMENT = """\
apiVersion: chaos/v1
kind: Experiment
name: monkey
hypothesis: When one instance of {group} is killed, the group is whole again within seconds.
tags: [monkey, {tag}]
steadyState:
  - name: the group is whole
    probe: {{process_alive: {{service: {service}, region: {region}, every: 100ms}}}}
    target: ">= 80%"
    window: after
    minSamples: 5
method:
  - name: the monkey kills {group}
    fault: kill
    target: {{instance: {{name: {victim}}}}}
    duration: {hold}
recovery: 3s
"""
