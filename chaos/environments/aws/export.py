"""A plan in the words of FIS: CanExportTemplates. What FIS cannot do is refused, never left out.

An action of FIS begins when those named by its `startAfter` have ended; five resources can be named in one target, and
nothing lasts for less than a minute. https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from chaos.environments.aws.looking import ALONE
from chaos.environments.aws.refusals import Refusing
from chaos.model.errors import BadInput
from chaos.model.plan import Plan, PlannedFault, PlannedParallel, PlannedSequence, PlannedStep, PlannedWait

_MOST_ARNS = 5
_SHORTEST_SECONDS = 60
_LONGEST_SECONDS = 12 * 3600
_MOST_CHARACTERS = 512


class _Action(Struct, frozen=True):
    """An action of FIS, what it calls its targets, and the parameter that says how long (empty: it strikes once)."""

    id: str
    role: str
    resource_type: str
    duration: str = ""
    more: dict[str, str] = {}


_FAILOVER = "aws/database_failover"
_CUT = _Action("aws:network:disrupt-connectivity", "Subnets", "aws:ec2:subnet", "duration", {"scope": "all"})
_OF_FAULT = {
    "kill": _Action("aws:ec2:stop-instances", "Instances", "aws:ec2:instance", "startInstancesAfterDuration"),
    "aws/reboot": _Action("aws:ec2:reboot-instances", "Instances", "aws:ec2:instance"),
    "aws/terminate": _Action("aws:ec2:terminate-instances", "Instances", "aws:ec2:instance"),
    "region_outage": _CUT,
    "aws/zone_outage": _CUT,
    _FAILOVER: _Action("aws:rds:failover-db-cluster", "Clusters", "aws:rds:cluster"),
}
_REBOOT = _Action("aws:rds:reboot-db-instances", "DBInstances", "aws:rds:db", more={"forceFailover": "true"})


class Exporting(Refusing):
    """Targets are named one by one, as they are in the plan: nothing is drawn again."""

    def as_template(self, plan: Plan, role_arn: str, alarms: tuple[str, ...]) -> str:
        written = _Written()
        self._steps(plan.steps, [], written)
        if not written.targets:
            raise BadInput(f"{plan.experiment.name} breaks nothing, so there is nothing to export")
        if len(written.regions) > 1:
            said = f"{plan.experiment.name} breaks something in {', '.join(sorted(written.regions))}"
            raise BadInput(f"{said}, and a template of FIS is of one region", "choose targets of one region only")
        conditions = [{"source": "aws:cloudwatch:alarm", "value": alarm} for alarm in alarms]
        template = {
            "clientToken": f"{plan.experiment.name}-{plan.seed}",
            "description": f"{plan.experiment.name}: {plan.experiment.hypothesis}"[:_MOST_CHARACTERS],
            "stopConditions": conditions or [{"source": "none"}],
            "targets": written.targets,
            "actions": written.actions,
            "roleArn": role_arn,
            "tags": {"steadfast:experiment": plan.experiment.name},
            "experimentOptions": {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"},
        }
        return msgspec.json.format(msgspec.json.encode(template), indent=2).decode() + "\n"

    def _steps(self, steps: Sequence[PlannedStep], after: list[str], written: _Written) -> list[str]:
        """Writes them one after the other; the names of the actions that are the last to end."""
        for step in steps:
            after = self._step(step, after, written)
        return after

    def _step(self, step: PlannedStep, after: list[str], written: _Written) -> list[str]:
        if isinstance(step, PlannedParallel):
            return [name for inner in step.steps for name in self._step(inner, after, written)]
        if isinstance(step, PlannedSequence):
            return self._steps(step.steps, after, written)
        if isinstance(step, PlannedWait):
            return [written.wait(step.name, step.seconds, after)]
        if not isinstance(step, PlannedFault):
            raise BadInput(f"step {step.name!r} waits for a measurement, and FIS measures nothing", "use `wait`")
        return self._fault(step, after, written)

    def _fault(self, step: PlannedFault, after: list[str], written: _Written) -> list[str]:
        if step.meanwhile:
            raise BadInput(f"step {step.name!r}: FIS holds nothing while other steps are taken", "give it a duration")
        action = _OF_FAULT.get(step.fault.kind)
        if action is None:
            hint = "it has " + ", ".join(_OF_FAULT)
            raise BadInput(f"step {step.name!r}: FIS has no action that does what {step.fault.kind} does", hint)
        alone = [target for target in step.targets if step.fault.kind == _FAILOVER and _is_alone(target)]
        names: list[str] = []
        for of, targets in ((action, [each for each in step.targets if each not in alone]), (_REBOOT, alone)):
            arns = [arn for target in targets for arn in self._arns(target, step)]
            parts = [arns[at : at + _MOST_ARNS] for at in range(0, len(arns), _MOST_ARNS)]
            names += [written.act(step, of, part, after) for part in parts]
        return names if action.duration else [written.wait(f"{step.name} lasts", step.duration_seconds, names)]

    def _arns(self, target: str, step: PlannedFault) -> list[str]:
        region, _, name = target.partition("/")
        front = f"arn:aws:{{}}:{region}:{self.settings.account}:{{}}"
        if step.target_kind == "instance":
            return [front.format("ec2", f"instance/{name}")]
        if step.fault.kind == _FAILOVER:
            return [front.format("rds", f"db:{name.removeprefix(ALONE)}" if _is_alone(target) else f"cluster:{name}")]
        zone = str(step.fault.parameters.get("zone", ""))
        found = sorted(state.subnet for state in self.subnets(target, zone))
        if not found:
            raise BadInput(f"step {step.name!r}: the system has no machine in {zone or region}")
        return [front.format("ec2", f"subnet/{subnet}") for subnet in found]


def _is_alone(target: str) -> bool:
    """It names a database instance in no cluster."""
    return target.partition("/")[2].startswith(ALONE)


class _Written:
    """Targets and actions so far, by names that are no name twice."""

    def __init__(self) -> None:
        self.targets: dict[str, dict[str, Any]] = {}
        self.actions: dict[str, dict[str, Any]] = {}
        self.regions: set[str] = set()

    # parameters: what an action consists of
    def act(self, step: PlannedFault, action: _Action, arns: Sequence[str], after: list[str]) -> str:
        name = self._unused(step.name)
        self.regions.update(arn.split(":")[3] for arn in arns)
        self.targets[name] = {"resourceType": action.resource_type, "resourceArns": list(arns), "selectionMode": "ALL"}
        parameters = dict(action.more)
        if action.duration:
            parameters[action.duration] = _duration(step.name, step.duration_seconds)
        self._add(name, {"actionId": action.id, "parameters": parameters, "targets": {action.role: name}}, after)
        return name

    def wait(self, name: str, seconds: float, after: list[str]) -> str:
        name = self._unused(name)
        self._add(name, {"actionId": "aws:fis:wait", "parameters": {"duration": _duration(name, seconds)}}, after)
        return name

    def _add(self, name: str, action: dict[str, Any], after: list[str]) -> None:
        self.actions[name] = {**action, "startAfter": list(after)} if after else action

    def _unused(self, wanted: str) -> str:
        plain = "".join(each if each.isascii() and each.isalnum() else "-" for each in wanted)[:50].strip("-") or "step"
        numbered = (plain, *(f"{plain}-{number}" for number in range(2, 10_000)))
        return next(name for name in numbered if name not in self.actions)


def _duration(name: str, seconds: float) -> str:
    """ISO 8601, as FIS takes it. Raises BadInput for what it does not take."""
    if not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS or seconds % 1:
        hint = "write a duration of whole seconds, of 1m at least and 12h at most"
        raise BadInput(f"step {name!r} lasts {seconds:g} s, and FIS knows one minute to twelve hours", hint)
    return f"PT{seconds // 60:.0f}M" if seconds % 60 == 0 else f"PT{seconds:.0f}S"
